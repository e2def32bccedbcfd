"""What the paper says of its numbers to each other, checked on a run of any size: chance included.

A statement holds, does not hold, or is undecided, by the 95 % intervals of its differences (`intervals`). A chain of
inequalities holds where each of them does: all must be right at once, so none of them needs a correction (the
intersection-union test, Berger 1982, Technometrics 24:295). It does not hold where one of them is reversed, and chance
has as many of them to reverse as there are: for that, intervals are corrected for their number (Bonferroni). So chance
alone decides a statement, either way, in at most 5 % of runs. A statement about robustness is asked at every eps of the
run, for at a small one a robust network is no better than another, and at a large one no network stands: it holds where
it holds at one.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from featsplit.data.planted import COMPONENTS
from featsplit.report.answers import KEEPS, KEPT, LOSES
from featsplit.report.intervals import CONFIDENCE, Interval, Term, Verdict, difference, weighted, with_errors
from featsplit.report.intervals import accuracy as accuracy_of
from featsplit.report.rows import SETS, Row, column_name, mean, picked

PAIRINGS = 5040
"""Of architectures, that a rank correlation is compared with: all of them for up to seven, drawn ones for more."""
Series = Sequence[Row]
"""The rows of one network under one attack, one a seed."""


class Check(NamedTuple):
    """A statement under one attack: the `verdict`, the numbers that were `measured`, and the intervals that decide."""

    at: str
    verdict: Verdict
    measured: str
    intervals: str
    margin: float = 0.0  # how far the lowest interval lies above what was to be exceeded


class Claim(NamedTuple):
    """A statement of the paper with its checks, one for each eps at which it was asked."""

    what: str
    checks: tuple[Check, ...]

    @property
    def verdict(self) -> Verdict:
        """Holds where it holds at one eps, does not hold where it does not at any, else undecided."""
        found = [check.verdict for check in self.checks]
        return "holds" if "holds" in found else "undecided" if "undecided" in found else "does not hold"

    @property
    def decisive(self) -> Check:
        """The check at which the verdict was made; of several the one that leaves the most room."""
        return max((check for check in self.checks if check.verdict == self.verdict), key=lambda check: check.margin)


def claims(rows: list[Row], *, chance: float) -> list[Claim]:
    """The paper's statements that the rows can say something of; what was not measured is left out.

    `chance` is the accuracy of a network that knows nothing: that of the most frequent class.
    """
    found = [_order(rows, "main"), _order(rows, "autoattack"), *_learned(rows, chance), *_control(rows)]
    found += [_crossing(rows), _splits(rows), _plateau(rows), *_transfer(rows), *_planted(rows)]
    return [claim for claim in found if claim is not None and claim.checks]


def telling_eps(rows: list[Row]) -> float:
    """The eps at which the order of robustness is decided, or the smaller one of the run where it is nowhere."""
    order = _order(rows, "main")
    if order is None or order.verdict != "holds":
        return smallest_eps(rows)
    place = order.checks.index(order.decisive)
    return _radii(picked(rows, part="main", test_set="source"))[place]


def smallest_eps(rows: list[Row]) -> float:
    """The smaller eps of the run (that of the transferred examples is another)."""
    return min(_radii([row for row in rows if not row["test_set"].startswith("transferred")]))


def transfer_points(rows: list[Row], test_set: str) -> list[tuple[str, float, float]]:
    """For each architecture: its name, its accuracy when trained on D_det, its transfer rate; means over seeds."""
    points = []
    for arch in dict.fromkeys(row["architecture"] for row in rows if row["test_set"] == test_set):
        on = {"train_set": "det", "architecture": arch, "test_set": "source", "attack": "none"}
        own = mean(rows, part="architectures", **on)
        learned = mean(rows, part="main", **on) if own is None else own
        rate = mean(rows, test_set=test_set, architecture=arch)
        if learned is not None and rate is not None:
            points.append((arch, learned, rate if test_set.endswith(":next") else 1 - rate))
    return points


def _radii(rows: list[Row]) -> list[float]:
    """The eps greater than 0 of the rows, ascending."""
    return sorted({float(row["eps"]) for row in rows if row["eps"]})


def _order(rows: list[Row], part: str) -> Claim | None:
    """The order of Table 7, under the attack of `part`: at every eps at which all four networks were attacked."""
    own = picked(rows, part=part, test_set="source")
    attacks = [row["attack"] for row in own if row["attack"] != "none"]
    attack = part if part == "autoattack" else next(iter(attacks), None)
    networks = [("source", "adversarial"), ("robust", "standard"), ("source", "standard"), ("nonrobust", "standard")]
    checks = []
    for eps in _radii(picked(own, part=part, attack=attack)):
        of = picked(own, part=part, attack=attack, eps=eps)
        lines = [picked(of, train_set=train_set, training=training, part=part) for train_set, training in networks]
        if all(lines):
            checks.append(_chain(lines))
    name = {"pgd": "PGD", "autoattack": "AutoAttack"}.get(str(attack), str(attack))
    return Claim(f"Table 7: adversarially trained > D_R > standard > D_NR, {name}", tuple(checks))


def _learned(rows: list[Row], chance: float) -> list[Claim]:
    found = []
    for name in ("rand", "det"):
        own = picked(rows, part="main", train_set=name, test_set="source", attack="none")
        if own:
            interval = accuracy_of(own)
            check = Check(_at([own]), interval.above(chance), f"{interval.value:.3f}", f"{interval}")
            found.append(Claim(f"Table 1: D_{name} teaches the true labels (chance {chance:.3f})", (check,)))
    return found


def _control(rows: list[Row]) -> list[Claim]:
    found = []
    for name in ("rand", "det"):
        own = picked(rows, part="main", train_set=name, test_set="source", attack="none")
        control = picked(rows, part="control", train_set=f"{name}-control", test_set="source", attack="none")
        if own and control:
            further = weighted([Term(1.0, own), Term(-1.5, control)])
            left, right = accuracy_of(own).value, accuracy_of(control).value
            measured = f"{left:.3f} / {right:.3f} = {left / max(right, 1e-9):.2f}"
            check = Check(_at([own, control]), further.above(0), measured, f"first - 1.5 x second: {further.signed()}")
            what = f"Table 9: D_{name} of the robust network teaches the true labels less, by 1.5 or more"
            found.append(Claim(what, (check,)))
    return found


def _crossing(rows: list[Row]) -> Claim:
    of = {"part": "control", "train_set": "det-control", "attack": "none"}
    lines = [picked(rows, test_set=test, **of) for test in ("source:next", "source")]
    what = "Table 10: D_det of the robust network teaches labels y + 1 more than the true ones"
    return Claim(what, (_chain(lines),) if all(lines) else ())


def _splits(rows: list[Row]) -> Claim:
    own, checks = picked(rows, part="splits"), []
    for eps in _radii(own):
        of = picked(own, part="splits", eps=eps)
        lines = [[row for row in of if row["test_set"].endswith(end)] for end in (":train", ":test", "source")]
        if all(lines):
            checks.append(_chain(lines))
    return Claim("Table 8: D_R's network, D_R train > D_R test > test set", tuple(checks))


def _plateau(rows: list[Row]) -> Claim | None:
    own = picked(rows, part="steps", loss="cross-entropy")
    steps = sorted({row["steps"] for row in own})
    if len(steps) < 2 or steps[-1] <= 100:
        return None
    before, last = (picked(own, part="steps", steps=count) for count in (100, steps[-1]))
    lost = difference(before, last)
    measured = f"{accuracy_of(before).value:.3f} to {accuracy_of(last).value:.3f}"
    check = Check(_at([before]), lost.below(0.01), measured, lost.signed())
    return Claim(f"Fig. 8: no more than a point is lost from 100 to {steps[-1]} steps", (check,))


def _chain(lines: Sequence[Series]) -> Check:
    """Whether the accuracies fall from each of `lines` to the next."""
    level = 1 - (1 - CONFIDENCE) / (len(lines) - 1)
    falls = [difference(left, right) for left, right in pairwise(lines)]
    rises = [
        fall.high < 0 and difference(left, right, confidence=level).high < 0
        for fall, (left, right) in zip(falls, pairwise(lines), strict=True)
    ]
    lowest = min(fall.low for fall in falls)
    verdict: Verdict = "holds" if lowest > 0 else "does not hold" if any(rises) else "undecided"
    measured = as_chain([fmean(row["accuracy"] for row in line) for line in lines])
    return Check(_at(lines), verdict, measured, ", ".join(fall.signed() for fall in falls), lowest)


def as_chain(values: Sequence[float]) -> str:
    """The values with the signs that are true between them, to the digits that are shown."""
    shown = [f"{value:.3f}" for value in values]
    signs = [">" if left > right else "<" if left < right else "=" for left, right in pairwise(map(float, shown))]
    return " ".join([shown[0], *(f"{sign} {value}" for sign, value in zip(signs, shown[1:], strict=True))])


def _at(lines: Sequence[Series]) -> str:
    """The attack, how many images (of the smallest set), and over how many seeds."""
    row, counts = lines[0][0], [row["n"] for line in lines for row in line]
    seeds = len({row["seed"] for row in lines[0]})
    name = column_name(row["attack"], row["norm"], row["eps"])
    return f"{name}, n {min(counts)}, {f'{seeds} seeds' if seeds > 1 else '1 seed'}"


def _transfer(rows: list[Row]) -> list[Claim]:
    found = []
    for test_set, kind in (("transferred", "untargeted"), ("transferred:next", "targeted")):
        points = transfer_points(rows, test_set)
        if len(points) > 2:
            check = _correlated([point[1] for point in points], [point[2] for point in points])
            what = f"Fig. 3: architectures that learn more from D_det are fooled more ({kind}), rank correlation"
            found.append(Claim(what, (check,)))
    return found


def _correlated(learned: list[float], rates: list[float]) -> Check:
    """Whether the rank correlation is above 0, by how many of all pairings have one as far from 0."""
    at = f"{len(learned)} architectures"
    if len(set(learned)) < 2 or len(set(rates)) < 2:
        return Check(at, "undecided", "none: all are equal", "")

    ranks = stats.rankdata(rates)

    def rho(order: NDArray[np.float64]) -> float:
        return float(np.corrcoef(order, ranks)[0, 1])

    test = stats.permutation_test(
        (stats.rankdata(learned),), rho, permutation_type="pairings", n_resamples=PAIRINGS, rng=0
    )
    decided: Verdict = "holds" if test.statistic > 0 else "does not hold"
    verdict: Verdict = decided if test.pvalue <= 1 - CONFIDENCE else "undecided"
    return Check(at, verdict, f"{test.statistic:.2f}", f"p {test.pvalue:.3f} of no correlation (permutations)")


def _planted(rows: list[Row]) -> list[Claim]:
    found = []
    for name, component in KEPT.items():
        other = next(one for one in COMPONENTS if one != component)
        keeps, loses = (kept_share(rows, name, one) for one in (component, other))
        if keeps is not None and loses is not None:
            verdict = _both(keeps.above(KEEPS), loses.below(LOSES))
            measured, intervals = f"{keeps.value:.3f} and {loses.value:.3f}", f"{keeps.signed()}, {loses.signed()}"
            what = f"Planted truth: {SETS[name]} keeps the {component} component (.8 or more), and not the other"
            at = f"n {keeps.n}, {f'{keeps.seeds} seeds' if keeps.seeds > 1 else '1 seed'}"
            found.append(Claim(f"{what} (.2 or less)", (Check(at, verdict, measured, intervals),)))
    return found


def _both(one: Verdict, other: Verdict) -> Verdict:
    if "does not hold" in (one, other):
        return "does not hold"
    return "holds" if one == other == "holds" else "undecided"


def kept_share(rows: list[Row], name: str, component: str) -> Interval | None:
    """The share of a planted component's class signal that set `name` keeps, over seeds; None if unmeasured.

    One of two of a statement, so at a confidence corrected for two.
    """
    of = picked(rows, part="planted", train_set=name, component=component)
    return with_errors(of, "kept", confidence=1 - (1 - CONFIDENCE) / 2) if of else None
