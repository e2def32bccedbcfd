"""Intervals of rates among some images: against a bootstrap, scipy, accuracies where all count, and drawn rows."""

import numpy as np
import pytest
import torch
from scipy import stats

from featsplit.outcomes import packed
from featsplit.report.intervals import accuracy, difference
from featsplit.report.rates import Counted, Weighted, rate, rate_difference, sum_of_rates
from featsplit.rows import Row


def drawn(rng: np.random.Generator, n: int, share: float, chance: float) -> Counted:
    """`n` images, of which a share counts and is hit with a chance."""
    return Counted(rng.random(n) < share, rng.random(n) < chance)


def as_row(one: Counted, seed: int) -> Row:
    right = packed(torch.from_numpy(one.hit))
    return {"seed": seed, "n": len(one.hit), "accuracy": float(one.hit.mean()), "outcomes": right, "images": "same"}


def test_a_rate_is_hits_among_those_that_count() -> None:
    one = Counted(np.array([True, True, False, True]), np.array([True, False, True, False]))
    found = rate([one])
    assert found is not None
    assert found.value == one.rate == pytest.approx(1 / 3)
    assert found.n == 3


def test_no_rate_where_nothing_counts() -> None:
    none, some = (Counted(np.full(5, counts), np.ones(5, dtype=bool)) for counts in (False, True))
    assert none.rate is None
    assert rate([none]) is rate([some, none]) is rate_difference([some], [none]) is rate([]) is None


def test_where_all_images_count_a_rate_is_an_accuracy_and_a_difference_is_paired() -> None:
    rng = np.random.default_rng(0)
    left, right = ([drawn(rng, 400, 2.0, chance) for _ in range(3)] for chance in (0.6, 0.3))
    rows = [[as_row(one, seed) for seed, one in enumerate(line)] for line in (left, right)]
    found, known = rate(left), accuracy(rows[0])
    assert found is not None
    assert found[:3] == pytest.approx(known[:3], abs=2e-3)
    paired, known = rate_difference(left, right), difference(*rows)
    assert paired is not None
    assert paired[:3] == pytest.approx(known[:3], abs=2e-3)


def test_the_standard_error_is_that_of_a_bootstrap_over_images() -> None:
    """Two rates on images most of which count in both: a paired bootstrap, not one for each."""
    rng, n = np.random.default_rng(1), 500
    left = drawn(rng, n, 0.6, 0.4)
    right = Counted(left.counted ^ (rng.random(n) < 0.1), left.hit ^ (rng.random(n) < 0.2))
    rows = rng.integers(0, n, (4000, n))
    a, b, c, d = (
        bits[rows].sum(axis=1)
        for bits in (left.counted & left.hit, left.counted, right.counted & right.hit, right.counted)
    )
    spread = (a / b - c / d).std()
    found = rate_difference([left], [right])
    assert found is not None
    reach = (found.high - found.low) / 2 - 1 / found.n
    assert reach / stats.norm.ppf(0.975) == pytest.approx(spread, rel=0.06)


def test_the_weights_of_a_sum_are_those_of_its_rates() -> None:
    rng = np.random.default_rng(2)
    one, two = drawn(rng, 300, 0.5, 0.2), drawn(rng, 300, 0.5, 0.7)
    assert one.rate is not None
    assert two.rate is not None
    found = sum_of_rates([Weighted(0.5, [one]), Weighted(0.5, [two])])
    assert found is not None
    assert found.value == pytest.approx((one.rate + two.rate) / 2)


@pytest.mark.parametrize("chance", [0.0, 0.03, 0.5])
def test_an_interval_holds_the_truth_as_often_as_it_says(chance: float) -> None:
    rng = np.random.default_rng(3)
    found = [rate([drawn(rng, 200, 0.3, chance)]) for _ in range(600)]
    assert np.mean([one is not None and one.low <= chance <= one.high for one in found]) > 0.93


def test_no_hits_at_all_are_not_sure_to_be_none() -> None:
    found = rate([Counted(np.arange(1000) < 50, np.zeros(1000, dtype=bool))])
    assert found is not None
    exact = stats.binomtest(0, 50).proportion_ci(method="exact").high
    assert exact <= found.high < exact + 0.1
    assert found.low == 0
