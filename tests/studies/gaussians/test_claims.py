"""The verdicts on the theorems, on rows whose answer is known, and by chance."""

from typing import Any, cast

import numpy as np
import pytest

from featsplit.report.known import concluded
from featsplit.studies.gaussians.claims import agreement, theorems
from featsplit.studies.gaussians.rows import GaussiansRow, Theorem


def number(
    theorem: Theorem, of: str, closed: float, *simulated: float, error: float = 1e-4, **more: float | bool
) -> list[GaussiansRow]:
    """The rows of a number, one for each simulation."""
    told = {"theorem": theorem, "of": of, "eps": 1.0, "closed": closed, "samples": 1000}
    rest = {"scale": closed, "error": error, "converged": True, **more}
    return [cast(GaussiansRow, {**told, **rest, "simulated": each}) for each in simulated]


def outcome(*simulated: float, **more: Any) -> str:
    """The verdict on Theorem 2 whose variance is 2."""
    rows = number(2, "variance 1", 2.0, *simulated, **more)
    others = number(1, "excess loss", 4.0, 4.0) + number(3, "least cosine", 0.5, 0.5) + number("rule", "accuracy", 1, 1)
    return theorems(rows + others)[1].verdict


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
        ((2.03,), 0.01, "holds"),
        ((2.05,), 0.01, "does not hold"),
        ((2.05,), 0.015, "undecided"),
        ((2.05, 2.05, 2.05, 2.05), 0.015, "does not hold"),
        ((2.0,), 0.03, "undecided"),
        ((2.13,), 0.03, "does not hold"),
        ((1.87,), 0.03, "does not hold"),
        ((2.1, 1.9), 0.001, "holds"),
    ],
)
def test_a_number_is_off_where_it_differs_by_more_than_asked_and_more_than_chance(
    simulated: tuple[float, ...], error: float, expected: str
) -> None:
    """2 % of 2 is 0.04, and four standard errors of `n` seeds 4 `error` / sqrt(n)."""
    assert outcome(*simulated, error=error) == expected


def test_chance_alone_is_almost_never_off() -> None:
    draws = 2 + 0.05 * np.random.default_rng(0).standard_normal(2000)
    assert sum(outcome(float(value), error=0.05) == "does not hold" for value in draws) <= 2


def test_the_conclusion_names_the_number_the_cause_and_the_cure() -> None:
    rest = number(1, "excess loss", 4.0, 4.0) + number("rule", "accuracy", 1.0, 1.0)
    rest += number(3, "least cosine", 0.5, 0.5, error=0.0)
    stuck = theorems(rest + number(2, "mean 1", 1.0, 11.0, converged=False))
    assert concluded(stuck) == (
        "Verdict: Theorem 2 is off: mean 1 for eps 1 differs by 1000 %, and at most 2 % is asked. The descent has not "
        "converged: try a smaller eps, or variances that differ less."
    )
    few = theorems(rest + number(2, "mean 1", 1.0, 1.0, error=0.05))
    assert concluded(few) == (
        "Verdict: Theorem 2 is undecided: 1000 samples tell it to within 10 %, and 2 % is asked: --set samples=25000."
    )
    fine = theorems(rest + number(2, "mean 1", 1.0, 1.0))
    assert concluded(fine) == "Verdict: all 4 are as known."
    assert [claims[1].verdict for claims in (stuck, few, fine)] == ["does not hold", "undecided", "holds"]
    assert all(claim.known for claim in fine)
