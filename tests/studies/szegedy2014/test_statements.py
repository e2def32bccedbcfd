"""Means over images, and the statements that are made of them."""

import numpy as np
import pytest
import torch
from scipy import stats

from featsplit.outcomes import packed, packed_numbers
from featsplit.report.intervals import Interval
from featsplit.studies.szegedy2014.intervals import mean_of, packed_values, wrong
from featsplit.studies.szegedy2014.rows import SzegedyRow
from featsplit.studies.szegedy2014.statements import counted, pairs, stated


def test_a_mean_has_the_interval_of_its_standard_error_and_no_failure_in_it() -> None:
    values = np.random.default_rng(0).normal(2.0, 0.5, size=50)
    found = mean_of([np.append(values, np.inf)])
    reach = stats.norm.ppf(0.975) * values.std(ddof=1) / np.sqrt(50)
    assert found[:5] == pytest.approx((values.mean(), values.mean() - reach, values.mean() + reach, 50, 1))


def test_several_seeds_add_what_they_differ_by() -> None:
    seeds = [np.array([1.0, 1.0]), np.array([2.0, 2.0]), np.array([3.0, 3.0])]
    reach = stats.t.ppf(0.975, 2) * 1.0 / np.sqrt(3)
    assert mean_of(seeds)[:3] == pytest.approx((2.0, 2.0 - reach, 2.0 + reach))


def test_nothing_is_known_of_images_that_are_all_failures() -> None:
    found = mean_of([np.array([np.inf, np.inf])])
    assert (found.low, found.high) == (-np.inf, np.inf)


def test_rows_give_back_what_was_packed() -> None:
    right = torch.tensor([True, False, True])
    row: SzegedyRow = {
        "n": 3,
        "outcomes": packed(right),
        "distances": packed_numbers(torch.tensor([0.5, torch.inf, 2])),
    }
    assert wrong(row).tolist() == [0, 1, 0]
    assert packed_values(row).tolist() == [0.5, np.inf, 2]


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        ([(0.1, 0.3), (0.2, 0.9)], "holds"),
        ([(0.1, 0.3), (-0.2, 0.9)], "undecided"),
        ([(0.1, 0.3), (-0.9, -0.2)], "does not hold"),
    ],
)
def test_a_statement_holds_where_all_its_intervals_are_above_nothing(
    ends: list[tuple[float, float]], verdict: str
) -> None:
    claim = stated("", lambda level: [Interval(sum(one) / 2, *one, 10, 1, level) for one in ends], "measured")
    assert claim.verdict == verdict
    assert claim.decisive.margin == min(low for low, _ in ends)


def test_what_is_true_of_all_but_one_does_not_hold() -> None:
    assert counted("", 5, 5, measured="").verdict == "holds"
    assert counted("", 4, 5, measured="").verdict == "does not hold"


def test_pairs_are_those_of_two_different_ones_in_either_order() -> None:
    assert pairs("abc") == [("a", "b"), ("a", "c"), ("b", "a"), ("b", "c"), ("c", "a"), ("c", "b")]
