"""Published numbers beside those of a run."""

import pytest
import torch

from featsplit.outcomes import packed
from featsplit.report.published import Published, compared
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
