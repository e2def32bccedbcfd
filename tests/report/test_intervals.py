"""Intervals against closed forms, scipy's exact tests and enumeration; and their level, counted on drawn rows."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from featsplit.outcomes import packed, unpacked
from featsplit.report.intervals import Interval, Term, accuracy, difference, mean_of, weighted, with_errors
from featsplit.rows import Row


def measured(right: NDArray[np.bool_], *, images: str = "test", seed: int = 0) -> Row:
    """A row of these outcomes."""
    outcomes = packed(torch.from_numpy(np.ascontiguousarray(right)))
    return {"seed": seed, "n": len(right), "accuracy": float(right.mean()), "outcomes": outcomes, "images": images}


def told(accuracy: float, n: int, *, seed: int = 0) -> Row:
    """A row of a version that kept no outcomes."""
    return {"seed": seed, "n": n, "accuracy": accuracy}


def discordant(won: int, lost: int, n: int) -> tuple[list[Row], list[Row]]:
    """Two networks on `n` images: `won` that only the first reads, `lost` that only the second does."""
    left, right = np.zeros((2, n), dtype=bool)
    left[:won], right[won : won + lost] = True, True
    left[won + lost : n : 2] = right[won + lost : n : 2] = True
    return [measured(left)], [measured(right)]


@pytest.mark.parametrize("count", [1, 7, 8, 9, 360])
def test_outcomes_come_back_as_they_went(count: int) -> None:
    right = np.random.default_rng(count).random(count) < 0.5
    assert (unpacked(packed(torch.from_numpy(right)), count) == right).all()
    assert len(packed(torch.from_numpy(right))) <= count / 6 + 4, "a bit an image, in base64"


@pytest.mark.parametrize("rightly", [0, 1, 40, 99, 100])
def test_the_interval_of_an_accuracy_is_agresti_and_coulls_plus_four(rightly: int) -> None:
    row = measured(np.arange(100) < rightly)
    share = (rightly + 2) / 104
    reach = stats.norm.ppf(0.975) * np.sqrt(share * (1 - share) / 103) + 1 / 100
    for rows in ([row], [told(rightly / 100, 100)]):
        found = accuracy(rows)
        assert found.value == rightly / 100
        assert (found.low, found.high) == pytest.approx((max(share - reach, 0), min(share + reach, 1)), abs=1e-3)
        assert (found.n, found.seeds) == (100, 1)


@pytest.mark.parametrize("rightly", [0, 3, 40, 90, 100])
def test_the_interval_of_an_accuracy_is_near_the_exact_one(rightly: int) -> None:
    found, exact = accuracy([told(rightly / 100, 100)]), stats.binomtest(rightly, 100).proportion_ci(method="exact")
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=0.03)


@pytest.mark.parametrize("n", [100, 360, 2000])
def test_a_paired_difference_is_decided_where_the_exact_sign_test_decides(n: int) -> None:
    """McNemar's test, exact: of the images on which two networks differ, is one ahead on more than by chance?"""
    apart = []
    for won in range(0, 30, 2):
        for lost in range(0, 30, 3):
            exact = stats.binomtest(won, won + lost).pvalue if won + lost else 1.0
            decided = difference(*discordant(won, lost, n)).above(0) != "undecided"
            if decided != (exact <= 0.05):
                apart.append(exact)
    assert len(apart) <= 5, "of 150"
    assert all(0.03 <= p <= 0.06 for p in apart), "and these are at the edge"


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.6])
def test_networks_that_are_equal_are_told_apart_in_at_most_5_of_100_runs_by_enumeration(share: float) -> None:
    """Every way in which 100 images can fall, with its probability, where the networks differ on a `share` of them."""
    n, error = 100, 0.0
    for differing in range(n + 1):
        chance = float(stats.binom.pmf(differing, n, share))
        for won in range(differing + 1) if chance > 1e-7 else ():
            if difference(*discordant(won, differing - won, n)).above(0) != "undecided":
                error += chance * float(stats.binom.pmf(won, differing, 0.5))
    assert error <= 0.05


def test_pairing_counts_only_the_images_on_which_networks_differ() -> None:
    left, right = discordant(12, 1, 360)
    paired = difference(left, right)
    unpaired = difference(left, [{**right[0], "images": "others"}])
    assert paired.value == unpaired.value == pytest.approx(11 / 360)
    assert paired.above(0) == "holds"
    assert unpaired.above(0) == "undecided"
    assert difference([told(left[0]["accuracy"], 360)], right) == pytest.approx(unpaired, abs=2e-3)


def test_over_seeds_the_interval_is_students_where_images_add_nothing() -> None:
    accuracies = [0.41, 0.47, 0.44]
    found = accuracy([told(value, 10**9, seed=seed) for seed, value in enumerate(accuracies)])
    exact = stats.t.interval(0.95, 2, np.mean(accuracies), stats.sem(accuracies))
    assert (found.low, found.high) == pytest.approx(exact, abs=1e-4)
    assert found.seeds == 3


def test_more_seeds_on_the_same_images_do_not_stand_for_more_images() -> None:
    """Three networks that read the same images alike: what other images would give is as open as with one network."""
    right = np.random.default_rng(0).random(3600) < 0.6
    one, three = accuracy([measured(right)]), accuracy([measured(right, seed=seed) for seed in range(3)])
    assert three.high - three.low == pytest.approx(one.high - one.low, rel=0.02)


def test_only_the_seeds_that_both_have_are_compared() -> None:
    left = [told(0.9, 10_000, seed=0), told(0.5, 10_000, seed=1)]
    right = [told(0.4, 10_000, seed=1), told(0.1, 10_000, seed=2)]
    found = difference(left, right)
    assert found.value == pytest.approx(0.1)
    assert found.seeds == 1


def test_seeds_with_other_numbers_of_images_are_as_rows_without_outcomes() -> None:
    """The images that fool a network are others under each seed: nothing is paired, a share of each seed counts."""
    sizes = [(0, 90, 100), (1, 60, 80), (2, 95, 120)]
    shares = [np.arange(n) < right for _, right, n in sizes]
    kept = [measured(right, seed=seed) for (seed, _, _), right in zip(sizes, shares, strict=True)]
    bare = [told(right / n, n, seed=seed) for seed, right, n in sizes]
    assert accuracy(kept) == accuracy(bare)
    assert difference(kept, list(reversed(kept))) == difference(bare, list(reversed(bare)))


def test_a_weighted_sum_is_that_of_its_terms() -> None:
    left, right = [told(0.6, 4000)], [told(0.3, 1000)]
    found = weighted([Term(1.0, left), Term(-1.5, right)])
    error = np.sqrt(0.6 * 0.4 / 4000 + 1.5**2 * 0.3 * 0.7 / 1000)
    assert found.value == pytest.approx(0.15)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error + 2 * 1.5 / 1000, rel=0.02)
    assert found.n == 1000


def test_an_interval_never_leaves_what_is_possible() -> None:
    assert accuracy([told(0.0, 5)]).low == 0
    assert accuracy([told(1.0, 5)]).high == 1
    found = difference([told(1.0, 3)], [told(0.0, 3)])
    assert (found.value, found.high) == (1, 1), "nor does it leave out its own value"
    assert found.low >= -1


def test_values_with_errors_of_their_own() -> None:
    one = with_errors([0.9], [0.01], count=100)
    assert (one.low, one.high) == pytest.approx((0.9 - 0.0196, 0.9 + 0.0196), abs=1e-4)
    assert with_errors([0.9], [math.inf], count=100).above(0.0) == "undecided", "what has no error cannot decide"


def test_the_mean_of_numbers_of_one_seed_has_students_interval() -> None:
    numbers = np.random.default_rng(0).exponential(size=9)
    expected = stats.ttest_1samp(numbers, 0.0).confidence_interval(0.9)
    found = mean_of([numbers], confidence=0.9)
    assert found[:4] == pytest.approx((numbers.mean(), *expected, 9))
    assert mean_of([numbers[:1]]).low == -math.inf


def test_a_verdict_is_on_the_side_on_which_the_whole_interval_lies() -> None:
    found = Interval(0.2, 0.1, 0.3, 100, 1)
    assert [found.above(t) for t in (0.05, 0.1, 0.2, 0.35)] == ["holds", "undecided", "undecided", "does not hold"]
    assert found.moved(-0.15) == pytest.approx((0.05, -0.05, 0.15, 100, 1, 0.95))
    assert found.negative() == (-0.2, -0.3, -0.1, 100, 1, 0.95)
    assert (str(found), found.signed(), found.short()) == (
        "0.200 (0.100 to 0.300)",
        "+0.200 (+0.100 to +0.300)",
        "0.200 ±.100",
    )


def drawn(
    rng: np.random.Generator, shares: NDArray[np.float64], *, shift: float = 0.0, seeds: int = 1, between: float = 0.0
) -> list[Row]:
    """A network whose chance on each image is `shares` plus `shift`, and that moves by `between` from seed to seed."""
    rows = []
    for seed in range(seeds):
        chances = shares + shift + rng.normal(0, between)
        rows.append(measured(rng.random(len(shares)) < chances, seed=seed))
    return rows


DESIGNS = [(1, 0.0), (3, 0.0), (3, 0.02), (3, 0.08), (5, 0.04)]


@pytest.mark.parametrize(("seeds", "between"), DESIGNS, ids=[f"{s} seeds, {b} between them" for s, b in DESIGNS])
def test_a_true_difference_lies_in_95_of_100_intervals(seeds: int, between: float) -> None:
    """Images that are harder or easier for both networks alike, of 360; a difference of .1; 1,000 draws."""
    rng, inside = np.random.default_rng(7), 0
    for _ in range(1000):
        shares = rng.uniform(0.2, 0.7, 360)
        left, right = (drawn(rng, shares, shift=s, seeds=seeds, between=between) for s in (0.1, 0.0))
        found = difference(left, right)
        inside += found.low <= 0.1 <= found.high
    assert inside >= 935, "950, less twice its standard error"
    assert inside <= 999
