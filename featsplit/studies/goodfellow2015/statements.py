"""Statements about errors and means of this study, as `report.decisions` decides them."""

from collections.abc import Sequence

from featsplit.report.decisions import Check, Claim, because, decided, written
from featsplit.report.intervals import Interval, accuracy, difference, with_errors
from featsplit.report.rows import picked
from featsplit.studies.goodfellow2015.rows import NetworkRow

Rows = Sequence[NetworkRow]


def of(rows: Rows, model: str, attack: str = "none", eps: float | None = None) -> list[NetworkRow]:
    """The rows of the network called `model` on test images under `attack`, one a seed."""
    return picked(rows, experiment="networks", test_set="source", model=model, attack=attack, eps=eps)


def error(rows: Rows, *, confidence: float = 0.95) -> Interval:
    """The error that `rows` measured, with its interval."""
    return accuracy(rows, confidence=confidence).negative().moved(1.0)


def error_above(what: str, lines: Sequence[Rows], least: float) -> Claim:
    """That the error of each of `lines` is above `least`."""
    if not all(lines):
        return Claim(what, ())

    def further(level: float) -> list[Interval]:
        return [error(line, confidence=level).moved(-least) for line in lines]

    verdict, found = decided(further)
    errors = [error(line) for line in lines]
    measured = ", ".join(f"{one.value:.3f}" for one in errors)
    return Claim(
        what,
        (Check(at(lines[0], found[0]), verdict, measured, ", ".join(map(str, errors)), why=because(verdict, found)),),
    )


def more_errors(what: str, pairs: Sequence[tuple[Rows, Rows]], *, by: float = 0.0) -> Claim:
    """That the first of each of the `pairs` has more errors than the second, by more than `by`."""
    if not all(line for pair in pairs for line in pair) or not pairs:
        return Claim(what, ())

    def further(level: float) -> list[Interval]:
        return [difference(right, left, confidence=level).moved(-by) for left, right in pairs]

    verdict, found = decided(further)
    measured = ", ".join(f"{error(left).value:.3f} / {error(right).value:.3f}" for left, right in pairs)
    shown = [one.moved(by) for one in found]
    return Claim(
        what, (Check(at(pairs[0][0], found[0]), verdict, measured, written(shown), why=because(verdict, found)),)
    )


def at(line: Rows, interval: Interval) -> str:
    """Under which attack, or on which images, and over how many."""
    row = line[0]
    if row.get("split") == "train":
        return f"training images, {counted(interval)}"
    eps = "" if row["eps"] is None else f" linf {row['eps']:g}"
    return f"{'clean' if row['attack'] == 'none' else row['attack']}{eps}, {counted(interval)}"


def value(rows: Rows, *, confidence: float = 0.95) -> Interval:
    """The mean over seeds of the `value` of `rows`, with its interval."""
    numbers, errors = [row["value"] for row in rows], [row["error"] for row in rows]
    return with_errors(numbers, errors, count=min(row["n"] for row in rows), confidence=confidence)


def within(what: str, rows: Rows, low: float, high: float) -> Claim:
    """That the mean `value` of `rows` is between `low` and `high`."""
    if not rows:
        return Claim(what, ())

    def further(level: float) -> list[Interval]:
        found = value(rows, confidence=level)
        ends = [found.moved(-low)] if low > -float("inf") else []
        return [*ends, *([found.negative().moved(high)] if high < float("inf") else [])]

    verdict, fulfilled = decided(further)
    found = value(rows)
    return Claim(
        what, (Check(counted(found), verdict, f"{found.value:.3f}", f"{found}", why=because(verdict, fulfilled)),)
    )


def larger(what: str, left: Rows, right: Rows, *, times: float = 1.0) -> Claim:
    """That the mean `value` of `left` is more than so many `times` that of `right`, seed by seed."""
    pairs = [(one, other) for one in left for other in right if one["seed"] == other["seed"]]
    if not pairs:
        return Claim(what, ())
    apart = [one["value"] - times * other["value"] for one, other in pairs]
    errors = [(one["error"] ** 2 + (times * other["error"]) ** 2) ** 0.5 for one, other in pairs]
    count = min(row["n"] for pair in pairs for row in pair)

    def further(level: float) -> list[Interval]:
        return [with_errors(apart, errors, count=count, confidence=level)]

    verdict, found = decided(further)
    measured = f"{value(left).value:.3f} / {value(right).value:.3f}"
    return Claim(what, (Check(counted(found[0]), verdict, measured, written(found), why=because(verdict, found)),))


def counted(interval: Interval) -> str:
    """Over how many it is."""
    return f"n {interval.n}, {f'{interval.seeds} seeds' if interval.seeds > 1 else '1 seed'}"
