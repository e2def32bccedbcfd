"""How often chance decides a statement: at most as often as its level says, counted on drawn rows."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from featsplit.engine.study import claims_of
from featsplit.outcomes import packed
from featsplit.report.decisions import Claim
from featsplit.rows import Row
from featsplit.studies import study_named
from tests.rows import results, row

NONE, STUDY = results([]), study_named("ilyas2019")
NETWORKS = (("source", "adversarial"), ("robust", "standard"), ("source", "standard"), ("nonrobust", "standard"))
"""Those of Table 7, in its order."""


def statement(rows: list[Row]) -> Claim:
    """The first statement on a run that gave `rows`."""
    return claims_of(STUDY.CLAIMS, replace(NONE, rows=rows))[0]


def drawn(rng: np.random.Generator, chances: NDArray[np.float64], **fields: Any) -> Row:
    right = rng.random(len(chances)) < chances
    of = {"n": len(right), "images": "test", "outcomes": packed(torch.from_numpy(right))}
    return row(float(right.mean()), **of, **fields)


@pytest.mark.parametrize(("seeds", "between"), [(1, 0.0), (3, 0.03)])
def test_chance_decides_the_order_of_equal_networks_in_at_most_5_of_100_runs(seeds: int, between: float) -> None:
    """2,000 runs of four networks without any difference, at two eps, on 360 images that are harder or easier."""
    rng, decided = np.random.default_rng(11), 0
    for _ in range(2000):
        shares, rows = rng.uniform(0.2, 0.8, 360), list[Row]()
        for of, how in NETWORKS:
            for seed in range(seeds):
                moved = rng.normal(0, between)
                rows += [
                    drawn(rng, shares + moved - eps, eps=eps, seed=seed, train_set=of, training=how)
                    for eps in (0.0625, 0.125)
                ]
        decided += statement(rows).verdict != "undecided"
    assert decided <= 100


@pytest.mark.parametrize("radii", [(0.25,), (0.25, 0.5, 0.6)], ids=["one eps", "three eps"])
def test_chance_decides_an_order_of_which_one_pair_is_equal_in_at_most_5_of_100_runs(radii: tuple[float, ...]) -> None:
    """The hardest case: all depends on D_R and standard, which are equal, and each eps is another chance to hold."""
    rng, decided = np.random.default_rng(1), 0
    for _ in range(2000):
        shares, rows = rng.uniform(0.3, 0.6, 360), list[Row]()
        for (of, how), gap in zip(NETWORKS, (0.3, 0.0, 0.0, -0.3), strict=True):
            rows += [drawn(rng, shares + gap, eps=eps, train_set=of, training=how) for eps in radii]
        decided += statement(rows).verdict != "undecided"
    assert decided <= 100


@pytest.mark.parametrize(("seeds", "between"), [(1, 0.0), (3, 0.05)])
def test_chance_decides_between_two_equal_numbers_in_at_most_5_of_100_runs(seeds: int, between: float) -> None:
    assert decided_between(0.0, seeds=seeds, between=between) <= 0.05


@pytest.mark.parametrize(("seeds", "between"), [(1, 0.0), (20, 0.05)])
def test_a_difference_of_three_standard_errors_is_undecided_in_at_most_20_of_100_runs(
    seeds: int, between: float
) -> None:
    assert decided_between(3.0, seeds=seeds, between=between) >= 0.8


def test_at_three_seeds_that_differ_three_standard_errors_stay_undecided_in_six_of_ten_runs() -> None:
    """Three seeds say little of their own spread (Student's t reaches 4.3 standard errors), as README says."""
    assert decided_between(3.0, seeds=3, between=0.05) == pytest.approx(0.4, abs=0.05)


def decided_between(errors: float, *, seeds: int, between: float) -> float:
    """The share of 2,000 runs whose Table 10 is decided where the true difference is so many standard errors."""
    rng, n, decided = np.random.default_rng(5), 360, 0
    shift = errors * ((2 * 0.21 / n + 2 * between**2) / seeds) ** 0.5  # 0.21: the mean of p (1 - p)
    for _ in range(2000):
        shares, rows = rng.uniform(0.15, 0.85, n), list[Row]()
        for labels, moved in (("next", shift), (None, 0.0)):
            for seed in range(seeds):
                of = {"experiment": "control", "train_set": "det-control", "labels": labels, "seed": seed}
                rows.append(drawn(rng, shares + moved + rng.normal(0, between), **of))
        decided += statement(rows).verdict != "undecided"
    return decided / 2000
