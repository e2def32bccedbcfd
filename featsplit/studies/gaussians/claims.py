"""Whether the simulation of each theorem comes as near to its closed form as is asked."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from featsplit.engine.results import Results
from featsplit.report.cells import Cells
from featsplit.report.decisions import Claim
from featsplit.report.known import SURE, known
from featsplit.report.rows import picked
from featsplit.studies.gaussians.rows import GaussiansRow, Theorem
from featsplit.studies.gaussians.settings import Settings

ASKED: Mapping[Theorem, float] = {1: 0.02, 2: 0.02, 3: 1e-6, "rule": 0.01}
"""How near the simulation of each theorem must come, as a share of a number's scale."""
WORDS = {"holds": "agrees", "does not hold": "off", "undecided": "undecided"}
Rows = Sequence[GaussiansRow]


class Gap(NamedTuple):
    """By how much a number, a mean over seeds, differs from its closed form, and its standard error; of its scale."""

    of: str
    difference: float
    error: float


def theorems(rows: Rows) -> list[Claim]:
    """One for each theorem, and one for the rule."""
    return [_theorem(picked(rows, theorem=theorem), theorem, asked) for theorem, asked in ASKED.items()]


def _claims(results: Results[Settings]) -> list[Claim]:
    return theorems(results.rows)


CLAIMS = (_claims,)


def agreement(rows: Rows) -> Cells:
    """The largest difference between formula and simulation, of means over seeds, for each theorem."""
    table = [["theorem", "largest difference", "asked", "verdict"]]
    for (theorem, asked), claim in zip(ASKED.items(), theorems(rows), strict=True):
        largest = max(gap.difference for gap in _gaps(picked(rows, theorem=theorem)))
        exact = theorem == 3
        cells = [f"{largest:.1e}", f"{asked:g}"] if exact else [f"{100 * largest:.2f} %", f"{100 * asked:g} %"]
        table.append([claim.what, *cells, WORDS[claim.verdict]])
    return table


def numbers(rows: Rows) -> list[list[GaussiansRow]]:
    """The rows of each number, one a seed."""
    return [picked(rows, of=of, eps=eps) for of, eps in dict.fromkeys((row["of"], row["eps"]) for row in rows)]


def _theorem(rows: Rows, theorem: Theorem, asked: float) -> Claim:
    what, gaps = "The rule" if theorem == "rule" else f"Theorem {theorem}", _gaps(rows)
    limit = f"{asked:g}" if theorem == 3 else _percent(asked)
    off = [gap for gap in gaps if gap.difference > max(asked, SURE * gap.error)]
    if off:
        worst = max(off, key=lambda gap: gap.difference)
        cause = "Chance does not explain it: report it, with the command."
        if not all(row["converged"] for row in rows):
            cause = "The descent has not converged: try a smaller eps, or variances that differ less."
        found = f"{worst.difference:.1e}" if theorem == 3 else _percent(worst.difference)
        says = f"{worst.of} differs by {found}, and at most {limit} is asked. {cause}"
        return known(what, "does not hold", says)
    error = 2 * max(gap.error for gap in gaps)
    if max(error, *(gap.difference for gap in gaps)) > asked:
        samples = rows[0]["samples"]
        need = max(2 * samples, 1000 * math.ceil(samples * (error / asked) ** 2 / 1000))
        says = f"{samples} samples tell it to within {_percent(error)}, and {limit} is asked: --set samples={need}."
        return known(what, "undecided", says)
    return known(what, "holds", f"{what} agrees within {limit}.")


def _gaps(rows: Rows) -> list[Gap]:
    """Of each number; the cosine of the means that were given is no statement of Theorem 3."""
    found = []
    for of in numbers([row for row in rows if row["of"] != "cosine of this mean"]):
        scale, name = of[0]["scale"], of[0]["of"]
        difference = abs(statistics.fmean(row["simulated"] for row in of) - of[0]["closed"]) / scale
        error = math.sqrt(sum(row["error"] ** 2 for row in of)) / len(of) / scale
        found.append(Gap(name if of[0]["eps"] is None else f"{name} for eps {of[0]['eps']:g}", difference, error))
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"
