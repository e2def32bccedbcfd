"""Published numbers beside those of a run."""

import numpy as np
import pytest
import torch
from scipy.stats import ttest_1samp
from torch import tensor

from featsplit.outcomes import packed, packed_numbers
from featsplit.report.published import Published, compared, published_table
from featsplit.rows import Row


def test_a_rate_has_the_interval_of_the_accuracy_turned_round() -> None:
    """Of rows that tell their outcomes too, image by image."""
    row: Row = {"experiment": "main", "seed": 0, "n": 1000, "accuracy": 0.98}
    told: Row = {**row, "outcomes": packed(torch.arange(1000) >= 20)}
    for measured in (row, told):
        share, rate = (
            Published("1", "", 0.5, 0.0, 1.0, {"experiment": "main"}, rate=turned) for turned in (False, True)
        )
        (right, wrong) = (one.found for one in compared([measured], [share, rate], []))
        assert right is not None
        assert wrong is not None
        assert wrong[:3] == pytest.approx((1 - right.value, 1 - right.high, 1 - right.low))
        assert wrong.high < 0.04


def test_a_distance_is_compared_over_the_images_that_one_was_found_for() -> None:
    """Its interval is Student's; one that was found for no image is compared with nothing."""
    found = np.array([1.0, 2.0, np.inf, 4.0], dtype=np.float32)
    row: Row = {"experiment": "main", "seed": 0, "n": 4, "accuracy": 0.25, "distances": packed_numbers(tensor(found))}
    none: Row = {**row, "experiment": "none", "distances": packed_numbers(tensor([np.inf]))}
    numbers = [Published("1", "", 2.0, 0.0, 9.0, {"experiment": which}, distance=True) for which in ("main", "none")]
    one, other = compared([row, none], numbers, [])
    expected = ttest_1samp(found[np.isfinite(found)], 0.0).confidence_interval()
    assert one.found is not None
    assert one.found[:3] == pytest.approx((7 / 3, *expected))
    assert (one.verdict, other.found, other.verdict) == ("undecided", None, "none found")
    head, line, _ = published_table([one, other])
    assert head[0] == "distances, shares in %"
    assert line[2:5] == ["2", "0 to 9", "2.33 (-1.46 to 6.13)"]
