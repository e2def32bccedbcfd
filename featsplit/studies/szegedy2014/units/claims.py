"""What the paper says of units and random directions, and what its missing controls say."""

import math

from featsplit.report.decisions import Claim, as_chain
from featsplit.report.intervals import CONFIDENCE, Interval, with_errors
from featsplit.report.rows import picked
from featsplit.studies.szegedy2014.rows import SzegedyRow
from featsplit.studies.szegedy2014.statements import Run, stated
from featsplit.studies.szegedy2014.units.measure import PIXELS

LAST, FIRST = "representation", "ReLU 1"
MORE = 0.1
"""Units that are purer by less than this are not called better."""
Line = tuple[str, str]


def claims(results: Run) -> list[Claim]:
    """All of them."""
    if "units" not in results.settings.experiments:
        return []
    return [
        _no_better(results),
        _falls(results, "Units and random directions both become purer with depth", [
            ((LAST, "units"), (FIRST, "units")), ((LAST, "random"), (FIRST, "random")),
        ]),
        _falls(results, "Control: random directions of the representation are purer than random images", [
            ((LAST, "random"), ("none", "images")),
        ]),
        _falls(results, "Control: so are random directions of pixels, and of a network that is not trained", [
            ((PIXELS, "random"), ("none", "images")), ((LAST, "random, untrained"), ("none", "images")),
        ]),
        _falls(results, "Control: of the whitened representation, random directions are less pure than units", [
            ((LAST, "units"), (LAST, "random, whitened")),
        ]),
    ]  # fmt: skip


def lines(results: Run, line: Line) -> list[SzegedyRow]:
    """The rows of a (layer, basis), one a seed."""
    rows: list[SzegedyRow] = picked(results.rows, experiment="units", layer=line[0], basis=line[1])
    return rows


def purity(results: Run, line: Line, confidence: float = CONFIDENCE) -> Interval:
    """The mean purity of a (layer, basis), over directions and seeds."""
    rows = lines(results, line)
    errors = [row["purity_error"] for row in rows]
    return with_errors([row["purity"] for row in rows], errors, count=rows[0]["n"], confidence=confidence)


def purer(results: Run, more: Line, less: Line, *, confidence: float = CONFIDENCE) -> Interval:
    """By how much the first is purer than the second."""
    both = list(zip(lines(results, more), lines(results, less), strict=True))
    errors = [math.hypot(one["purity_error"], other["purity_error"]) for one, other in both]
    values = [one["purity"] - other["purity"] for one, other in both]
    return with_errors(values, errors, count=min(row["n"] for pair in both for row in pair), confidence=confidence)


def _no_better(results: Run) -> Claim:
    units, random = (LAST, "units"), (LAST, "random")

    def alike(level: float) -> list[Interval]:
        found = purer(results, units, random, confidence=level)
        return [found.negative().moved(MORE), found.moved(MORE)]

    found = purer(results, units, random)
    what = f"Section 3: units of the representation are no purer than random directions, nor less pure (by {MORE:g})"
    measured = f"{purity(results, units).value:.3f} / {purity(results, random).value:.3f}, {found.signed()}"
    return stated(what, alike, measured)


def _falls(results: Run, what: str, beside: list[tuple[Line, Line]]) -> Claim:
    def more(level: float) -> list[Interval]:
        return [purer(results, one, other, confidence=level) for one, other in beside]

    values = [as_chain([purity(results, line).value for line in pair]) for pair in beside]
    return stated(what, more, ", ".join(values))
