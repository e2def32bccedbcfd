"""What the statements of all experiments share: a check of several inequalities, and rates that a row keeps."""

from collections.abc import Sequence

from featsplit.report.decisions import Check, Statement, because, decided, written
from featsplit.report.intervals import Interval
from featsplit.report.rates import Counted, Weighted, sum_of_rates

SHOWN = 3
"""How many intervals a check writes out; of more, only the lowest."""
TIE = 0.02
"""What two accuracies may differ by and still count as no less."""
NAMES = {"none": "clean", "fast": "fast", "basic": "basic", "least-likely": "least likely", "noise": "noise"}


def checked(at: str, statement: Statement, *, measured: str, asked: int = 1) -> Check:
    """Whether every inequality of the `statement` holds; `asked` as in `decided`."""
    verdict, found = decided(statement, asked=asked)
    lowest = min(found, key=lambda one: one.low)
    shown = written(found) if len(found) <= SHOWN else f"lowest of {len(found)}: {written([lowest])}"
    seeds = f"{lowest.seeds} seeds" if lowest.seeds > 1 else "1 seed"
    at = f"{at}, n {min(one.n for one in found)}, {seeds}"
    return Check(at, verdict, measured, shown, lowest.low, why=because(verdict, found))


def mean_of(series: Sequence[Sequence[Counted]], weight: float = 1.0) -> list[Weighted]:
    """The mean of several rates, each once a seed, as terms of a sum with this `weight`."""
    return [Weighted(weight / len(series), one) for one in series]


def above(left: Sequence[Weighted], right: Sequence[Weighted], level: float) -> Interval | None:
    """How far one sum of rates is above another; None where an image of none of its rates counts."""
    taken = [Weighted(-weight, seeds) for weight, seeds in right]
    return sum_of_rates([*left, *taken], confidence=level)


def value_of(terms: Sequence[Weighted]) -> str:
    """A sum of rates, to three digits; "-" where it is not defined."""
    found = sum_of_rates(terms)
    return "-" if found is None else f"{found.value:.3f}"


def all_of(pairs: Sequence[tuple[Sequence[Weighted], Sequence[Weighted]]]) -> Statement | None:
    """The statement that each first sum of rates is above the second; None where one is not defined."""
    if not pairs or any(above(left, right, 0.95) is None for left, right in pairs):
        return None

    def fulfilled(level: float) -> list[Interval]:
        found = [above(left, right, level) for left, right in pairs]
        return [one for one in found if one is not None]

    return fulfilled
