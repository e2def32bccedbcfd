"""Statements of a few kinds, made of intervals."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from featsplit.engine.results import Results
from featsplit.report.decisions import Check, Claim, because, decided, written
from featsplit.report.intervals import Interval, Verdict
from featsplit.report.rows import picked
from featsplit.studies.szegedy2014.rows import LBFGS, SzegedyRow
from featsplit.studies.szegedy2014.settings import Settings

Run = Results[Settings]
T = TypeVar("T")


def stated(what: str, fulfilled: Callable[[float], list[Interval]], measured: str) -> Claim:
    """The statement that every interval of `fulfilled`, at a confidence, lies above 0."""
    verdict, found = decided(fulfilled)
    one = found[0]
    seeds = f"{one.seeds} seeds" if one.seeds > 1 else "1 seed"
    lowest = min(interval.low for interval in found)
    least = sorted(found, key=lambda interval: interval.low)[:3]
    shown = written(least) if len(found) <= len(least) else f"{written(least)}, and {len(found) - len(least)} more"
    at = f"n {min(each.n for each in found)}, {seeds}"
    return Claim(what, (Check(at, verdict, measured, shown, lowest, why=because(verdict, found)),))


def counted(what: str, true: int, of: int, *, measured: str, known: bool = False) -> Claim:
    """The statement that something is `true` of all: of no sample, so without an interval."""
    verdict: Verdict = "holds" if true == of else "does not hold"
    return Claim(what, (Check(f"{true} of {of}", verdict, measured, ""),), known=known)


def shown_to(results: Run, made_for: str, network: str, *, group: str, moment: str = "as found") -> list[SzegedyRow]:
    """The rows of `network`, one a seed, on the images that were made for another of its `group`, or for itself."""
    fields = {"experiment": group, "attack": LBFGS, "made_for": made_for, "training": network, "moment": moment}
    rows: list[SzegedyRow] = picked(results.rows, **fields)
    return rows


def read(results: Run, network: str, split: str, *, group: str, noise: float = 0.0) -> list[SzegedyRow]:
    """The rows of `network`, one a seed, on the images of a `split` as they are, or with `noise`."""
    fields = {"experiment": group, "training": network, "split": split, "eps": noise}
    rows: list[SzegedyRow] = picked(results.rows, **fields)
    return rows


def pairs(sequence: Sequence[T]) -> list[tuple[T, T]]:
    """Every two different elements, in either order."""
    return [(one, other) for one in sequence for other in sequence if one is not other]
