"""Whether a statement about accuracies holds, does not hold, or is undecided: chance included.

A statement is one or more inequalities. It holds, does not hold, or is undecided, by the intervals of how far each of
them is fulfilled (`intervals`). It holds where each is: all must be right at once, so none of them needs a correction
(the intersection-union test, Berger 1982, Technometrics 24:295). It does not hold where one is reversed, and chance has
as many of them to reverse as there are: for that, intervals are corrected for their number (Bonferroni). A statement
about robustness is asked at every eps of the run, for at a small one a robust network is no better than another, and at
a large one no network stands. It holds where it holds at one, and for that intervals are corrected for the number of
eps; it does not hold where it does not at any. So chance alone decides a statement, either way, in at most 5 % of runs.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from featsplit.report.cells import column_name
from featsplit.report.intervals import CONFIDENCE, ERROR, Interval, Verdict, difference
from featsplit.rows import Row

PAIRINGS = 5040
"""Of architectures, that a rank correlation is compared with: all of them for up to seven, drawn ones for more."""
Series = Sequence[Row]
"""The rows of one network under one attack, one a seed."""


class Check(NamedTuple):
    """A statement under one attack: the `verdict`, the numbers that were `measured`, and the intervals that decide.

    `margin` is how far the lowest end of an interval lies above what it was to exceed; `eps` is that of the attack.
    `why` it does not hold or is undecided: which number against which bound, in a sentence; empty where it holds.
    """

    at: str
    verdict: Verdict
    measured: str
    intervals: str
    margin: float = 0.0
    eps: float | None = None
    why: str = ""


class Claim(NamedTuple):
    """A statement with its checks, one for each eps at which it was asked; `known`: anything else is an error."""

    what: str
    checks: tuple[Check, ...]
    known: bool = False

    @property
    def verdict(self) -> Verdict:
        """Holds where it holds at one eps, does not hold where it does not at any, else undecided."""
        found = [check.verdict for check in self.checks]
        return "holds" if "holds" in found else "undecided" if "undecided" in found else "does not hold"

    @property
    def decisive(self) -> Check:
        """The check at which the verdict was made; of several the one that leaves the most room."""
        return max((check for check in self.checks if check.verdict == self.verdict), key=lambda check: check.margin)


Statement = Callable[[float], list[Interval]]
"""At a confidence, how far each inequality of a statement is fulfilled: it is where the whole interval is above 0."""


def decided(statement: Statement, *, asked: int = 1) -> tuple[Verdict, list[Interval]]:
    """The verdict on a `statement` that is one of as many `asked`, of which one is to hold; and its intervals."""
    fulfilled = statement(1 - ERROR / asked)
    if all(interval.low > 0 for interval in fulfilled):
        return "holds", fulfilled
    reversed_ = any(interval.high < 0 for interval in statement(1 - ERROR / len(fulfilled)))
    return "does not hold" if reversed_ else "undecided", fulfilled


def because(verdict: Verdict, margins: Sequence[Interval], names: Sequence[str] = ()) -> str:
    """Which inequality, of those fulfilled by these `margins`, made the `verdict`; empty where it is that all hold.

    `names` are what they state; without, they are counted.
    """
    if verdict == "holds" or not margins:
        return ""
    failed = verdict == "does not hold"
    place = min(range(len(margins)), key=lambda one: margins[one].high if failed else margins[one].low)
    counted = f"inequality {place + 1} of {len(margins)}: " if len(margins) > 1 else ""
    name = f"{names[place]}: " if names else counted
    wrong = "on the wrong side of 0" if failed else "its whole interval would have to lie above 0"
    return f"{name}the margin is {written([margins[place]])}, {wrong}."


def radii(rows: list[Row]) -> list[float]:
    """The eps greater than 0 of the rows, ascending."""
    return sorted({float(row["eps"]) for row in rows if row["eps"]})


def at_each_eps(lines: Sequence[Series], names: Sequence[str] = ()) -> tuple[Check, ...]:
    """Whether the accuracies fall from each of `lines`, called `names`, to the next, at every eps that all have."""
    found = [{eps: [row for row in line if row["eps"] == eps] for eps in radii(list(line))} for line in lines]
    common = [eps for eps in found[0] if all(eps in line for line in found)]
    return tuple(chain([line[eps] for line in found], names, asked=len(common)) for eps in common)


def chain(lines: Sequence[Series], names: Sequence[str] = (), *, asked: int = 1) -> Check:
    """Whether the accuracies fall from each of `lines`, called `names`, to the next; `asked` is as in `decided`."""

    def falls(level: float) -> list[Interval]:
        return [difference(left, right, confidence=level) for left, right in pairwise(lines)]

    verdict, found = decided(falls, asked=asked)
    measured = as_chain([fmean(row["accuracy"] for row in line) for line in lines])
    lowest, eps = min(fall.low for fall in found), lines[0][0]["eps"]
    steps = [f"{left} > {right}" for left, right in pairwise(names)]
    return Check(
        where(lines[0], found[0]), verdict, measured, written(found), lowest, eps, because(verdict, found, steps)
    )


def written(intervals: Sequence[Interval]) -> str:
    """The intervals, with what they are of in percent where that is not the usual."""
    level = intervals[0].confidence
    at = "" if level == CONFIDENCE else f" (at {100 * level:.3g} %)"
    return ", ".join(interval.signed() for interval in intervals) + at


def as_chain(values: Sequence[float]) -> str:
    """The values with the signs that are true between them, to the digits that are shown."""
    shown = [f"{value:.3f}" for value in values]
    signs = [">" if left > right else "<" if left < right else "=" for left, right in pairwise(map(float, shown))]
    return " ".join([shown[0], *(f"{sign} {value}" for sign, value in zip(signs, shown[1:], strict=True))])


def where(line: Series, interval: Interval) -> str:
    """The attack on a network, and over how many images (of the smallest set) and seeds the interval is."""
    row, seeds = line[0], interval.seeds
    name = column_name(row["attack"], row["norm"], row["eps"])
    return f"{name}, n {interval.n}, {f'{seeds} seeds' if seeds > 1 else '1 seed'}"


def correlated(learned: list[float], rates: list[float]) -> Check:
    """Whether the rank correlation is above 0, by how many of all pairings have one as far from 0."""
    at = f"{len(learned)} architectures"
    if len(set(learned)) < 2 or len(set(rates)) < 2:
        return Check(at, "undecided", "none: all are equal", "", why="where all are equal there is no order.")

    from scipy import stats

    ranks = stats.rankdata(rates)

    def rho(order: NDArray[np.float64]) -> float:
        return float(np.corrcoef(order, ranks)[0, 1])

    test = stats.permutation_test(
        (stats.rankdata(learned),), rho, permutation_type="pairings", n_resamples=PAIRINGS, rng=0
    )
    side: Verdict = "holds" if test.statistic > 0 else "does not hold"
    verdict: Verdict = side if test.pvalue <= ERROR else "undecided"
    chance = f"p {test.pvalue:.3f} of no correlation (permutations)"
    why = "it is below 0." if verdict == "does not hold" else f"p {test.pvalue:.3f} is above {ERROR:g}."
    return Check(at, verdict, f"{test.statistic:.2f}", chance, why="" if verdict == "holds" else why)
