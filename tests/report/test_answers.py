"""The verdicts of the constructions, on rows whose answer is known, and by chance."""

from typing import Any

import numpy as np
import pytest

from featsplit.data.planted import Planted
from featsplit.report.answers import (
    agreement,
    concluded,
    gaussians_verdicts,
    is_off,
    judged,
    known_sets,
    planted_verdicts,
    squares_verdicts,
)
from featsplit.report.toys import arms_in_words
from featsplit.synthesis import Perturb
from featsplit.training import Adversary

Row = dict[str, Any]


def number(
    theorem: int | str, of: str, closed: float, *simulated: float, error: float = 1e-4, **more: float | bool
) -> list[Row]:
    """The rows of a number, one for each simulation."""
    told = {"theorem": theorem, "of": of, "eps": 1.0, "closed": closed, "samples": 1000}
    return [
        {**told, "scale": closed, "error": error, "converged": True, "simulated": each, **more} for each in simulated
    ]


def outcome(*simulated: float, **more: Any) -> str:
    """The verdict on Theorem 2 whose variance is 2."""
    rows = number(2, "variance 1", 2.0, *simulated, **more)
    others = number(1, "excess loss", 4.0, 4.0) + number(3, "least cosine", 0.5, 0.5) + number("rule", "accuracy", 1, 1)
    return gaussians_verdicts(rows + others)[1].outcome


def test_agreement_is_the_largest_difference_of_means_over_seeds() -> None:
    """As a share of the number's scale; the cosine of the means given is no part of Theorem 3."""
    rows = number(1, "excess loss", 4.0, 4.1, 3.98) + number(2, "variance 1", 2.0, 2.02, 2.0)
    rows += number(2, "mean 1", 0.0, 0.03, scale=0.5) + number("rule", "accuracy, moved by 1", 0.5, 0.503, scale=1.0)
    rows += number(3, "least cosine", 0.5, 0.5 + 2e-9, scale=1.0, error=0.0)
    rows += number(3, "cosine of this mean", 0.5, 0.6, scale=1.0)
    assert [line[1] for line in agreement(rows)[1:]] == ["1.00 %", "6.00 %", "2.0e-09", "0.30 %"]
    assert [line[3] for line in agreement(rows)[1:]] == ["agrees", "off", "agrees", "agrees"]


@pytest.mark.parametrize(
    ("simulated", "error", "expected"),
    [
        ((2.03,), 0.01, "agrees"),
        ((2.05,), 0.01, "off"),
        ((2.05,), 0.015, "undecided"),
        ((2.05, 2.05, 2.05, 2.05), 0.015, "off"),
        ((2.0,), 0.03, "undecided"),
        ((2.13,), 0.03, "off"),
        ((1.87,), 0.03, "off"),
        ((2.1, 1.9), 0.001, "agrees"),
    ],
)
def test_a_number_is_off_where_it_differs_by_more_than_asked_and_more_than_chance(
    simulated: tuple[float, ...], error: float, expected: str
) -> None:
    """2 % of 2 is 0.04, and four standard errors of `n` seeds 4 `error` / sqrt(n)."""
    assert outcome(*simulated, error=error) == expected


def test_chance_alone_is_almost_never_off() -> None:
    draws = 2 + 0.05 * np.random.default_rng(0).standard_normal(2000)
    assert sum(outcome(float(value), error=0.05) == "off" for value in draws) <= 2


def test_the_conclusion_names_the_number_the_cause_and_the_cure() -> None:
    rest = number(1, "excess loss", 4.0, 4.0) + number("rule", "accuracy", 1.0, 1.0)
    rest += number(3, "least cosine", 0.5, 0.5, error=0.0)
    stuck = gaussians_verdicts(rest + number(2, "mean 1", 1.0, 11.0, converged=False))
    assert concluded(stuck) == (
        "Verdict: Theorem 2 is off: mean 1 for eps 1 differs by 1000 %, and at most 2 % is asked. The descent has not "
        "converged: try a smaller --eps, or variances that differ less."
    )
    few = gaussians_verdicts(rest + number(2, "mean 1", 1.0, 1.0, error=0.05))
    assert concluded(few) == (
        "Verdict: Theorem 2 is undecided: 1000 samples tell it to within 10 %, and 2 % is asked: --samples 25000."
    )
    fine = gaussians_verdicts(rest + number(2, "mean 1", 1.0, 1.0))
    assert concluded(fine) == "Verdict: all 4 are as known."
    assert [is_off(verdicts) for verdicts in (stuck, few, fine)] == [True, False, False]


def square(arm: str, share: float, fitted: float = 1.0) -> Row:
    """A row of an arm: what survives the small eps of 500 squares."""
    return {"arm": arm, "part": "grid", "eps": 0.01, "accuracy": share, "train_accuracy": fitted, "n": 500, "epoch": 60}


def test_arms_are_told_by_the_small_eps() -> None:
    rows = [square("linear", 0.95), square("deep", 0.05), square("mlp", 0.5), square("weight decay", 0.1)]
    assert [judged(rows, row["arm"]) for row in rows] == ["robust", "brittle", "between", "brittle"]
    assert arms_in_words(rows) == (
        "At eps 0.01 the linear model is robust and the deep one brittle. Brittle: weight decay. Between: mlp."
    )


@pytest.mark.parametrize(
    ("linear", "deep", "fitted", "expected"),
    [
        (0.95, 0.05, 1.0, ["agrees", "agrees"]),
        (0.95, 0.13, 1.0, ["agrees", "undecided"]),
        (0.95, 0.2, 1.0, ["agrees", "off"]),
        (0.8, 0.05, 1.0, ["off", "agrees"]),
        (0.88, 0.05, 1.0, ["undecided", "agrees"]),
        (0.95, 0.05, 0.95, ["agrees", "off"]),
    ],
)
def test_squares_are_known_once_the_labels_are_fitted(
    linear: float, deep: float, fitted: float, expected: list[str]
) -> None:
    verdicts = squares_verdicts([square("linear", linear), square("deep", deep, fitted)])
    assert [verdict.outcome for verdict in verdicts] == expected
    assert ("--epochs 120" in concluded(verdicts)) == (fitted < 0.999)


PRESET = Adversary("pgd", "linf", 0.08, steps=4), Perturb(norm="linf", eps=0.04)


@pytest.mark.parametrize(
    ("changes", "adversary", "perturb", "sets"),
    [
        ({"nonrobust": 0.015}, *PRESET, ["robust", "nonrobust", "rand", "det"]),
        ({"nonrobust": 0.03}, *PRESET, ["robust", "nonrobust", "rand", "det"]),
        ({"nonrobust": 0.03}, PRESET[0], Perturb(norm="linf", eps=0.02), ["robust", "nonrobust"]),
        ({"nonrobust": 0.03}, PRESET[0], Perturb(norm="l2", eps=0.5), ["robust", "nonrobust"]),
        ({"nonrobust": 0.06}, *PRESET, []),
        ({"nonrobust": 0.1}, *PRESET, []),
        ({"nonrobust": 0.001}, *PRESET, ["robust"]),
        ({"robust_agrees": 1.0}, *PRESET, ["robust"]),
        ({"robust": 0.05}, *PRESET, []),
        ({}, Adversary("pgd", "linf", 0.02, steps=4), PRESET[1], []),
        ({}, Adversary("pgd", "l2", 1.0, steps=4), PRESET[1], []),
    ],
)
def test_what_a_set_keeps_is_known_where_the_adversary_can_write_one_component_and_not_the_other(
    changes: dict[str, float], adversary: Adversary, perturb: Perturb, sets: list[str]
) -> None:
    assert known_sets(Planted(**changes), adversary, perturb) == sets  # type: ignore[arg-type]


def test_planted_sets_keep_their_component_and_lose_the_other() -> None:
    def kept(name: str, robust: float, nonrobust: float, amplitude: float = 0.03) -> list[Row]:
        told = {"part": "planted", "train_set": name, "amplitude": amplitude}
        return [{**told, "component": c, "kept": k} for c, k in (("robust", robust), ("nonrobust", nonrobust))]

    rows = kept("robust", 1.0, 0.1) + kept("nonrobust", 0.1, 1.4) + kept("rand", 0.5, 1.0)
    rows += kept("robust", 0.0, 1.2, amplitude=0.1)
    known = {0.03: ["robust", "nonrobust", "rand"], 0.1: list[str]()}
    verdicts = planted_verdicts(rows, known)
    assert [(verdict.what, verdict.outcome) for verdict in verdicts] == [
        ("D_R at amplitude 0.03", "agrees"),
        ("D_NR at amplitude 0.03", "agrees"),
        ("D_rand at amplitude 0.03", "off"),
    ]
    assert "it keeps 1.00 of the nonrobust component (known: 0.8 or more) and 0.50 of the other" in concluded(verdicts)
    assert concluded(planted_verdicts(rows, {0.1: []})) == (
        "Verdict: none. At these settings nothing is known to compare with."
    )
