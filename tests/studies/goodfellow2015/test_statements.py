"""Statements on made rows: what holds, what does not, and what is undecided."""

import pytest

from featsplit.report.intervals import Verdict
from featsplit.studies.goodfellow2015.rows import NetworkRow
from featsplit.studies.goodfellow2015.statements import error_above, larger, more_errors, within


def wrong(share: float, n: int = 10_000) -> list[NetworkRow]:
    return [{"n": n, "accuracy": 1 - share, "seed": 0, "attack": "fgsm", "eps": 0.25}]


def mean(*values: float, error: float = 0.01, n: int = 100) -> list[NetworkRow]:
    return [{"n": n, "value": value, "error": error, "seed": seed} for seed, value in enumerate(values)]


@pytest.mark.parametrize(("share", "verdict"), [(0.9, "holds"), (0.8, "does not hold"), (0.851, "undecided")])
def test_an_error_is_above_where_its_interval_is(share: float, verdict: Verdict) -> None:
    claim = error_above("it", [wrong(0.99), wrong(share)], 0.85)
    assert claim.verdict == verdict
    assert f"0.990, {share:.3f}" == claim.checks[0].measured


def test_more_errors_are_of_the_first_of_each_pair() -> None:
    assert more_errors("it", [(wrong(0.9), wrong(0.1)), (wrong(0.5), wrong(0.1))]).verdict == "holds"
    assert more_errors("it", [(wrong(0.9), wrong(0.1)), (wrong(0.1), wrong(0.5))]).verdict == "does not hold"
    assert more_errors("it", [(wrong(0.5), wrong(0.499))]).verdict == "undecided"


def test_what_was_not_measured_is_no_statement() -> None:
    assert not more_errors("it", [([], wrong(0.1))]).checks
    assert not error_above("it", [wrong(0.9), []], 0.85).checks
    assert not larger("it", [], mean(1.0)).checks
    assert not within("it", [], 0, 1).checks


@pytest.mark.parametrize(("value", "verdict"), [(0.5, "holds"), (0.7, "does not hold"), (0.6, "undecided")])
def test_a_mean_is_within_both_ends(value: float, verdict: Verdict) -> None:
    assert within("it", mean(value), 0.4, 0.6).verdict == verdict
    assert within("it", mean(1 - value), 0.4, 0.6).verdict == verdict


def test_means_are_compared_seed_by_seed() -> None:
    """Seeds differ by more than the two networks of a seed do."""
    left, right = mean(0.2, 0.5, 0.8, error=1e-6), mean(0.1, 0.4, 0.7, error=1e-6)
    assert larger("it", left, right).verdict == "holds"
    assert larger("it", left, right, times=2).verdict == "undecided"
    assert larger("it", mean(0.9), mean(0.3), times=2).verdict == "holds"
    assert larger("it", mean(0.9), mean(0.6), times=2).verdict == "does not hold"
