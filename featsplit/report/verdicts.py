"""The verdicts on the paper's statements as a person reads them: in a terminal, and on the page of a run."""

from collections.abc import Sequence
from typing import get_args

from featsplit.report.cells import Cells
from featsplit.report.decisions import Claim
from featsplit.report.intervals import Verdict

VERDICTS = (
    "A statement holds, or does not, where the 95 % intervals of its differences say so; else it is undecided, and "
    "more test images or seeds would decide it. A chain holds where each of its inequalities does, and does not where "
    "one is reversed, at a level corrected for their number. Two networks are compared image by image where both were "
    "tested on the same images. Intervals are over images and, with several seeds, over seeds; those of one seed speak "
    "of its networks alone. A statement about robustness is asked at every eps of the run, and holds where it holds at "
    "one, at a level corrected for their number."
)


def claims_table(found: Sequence[Claim]) -> Cells:
    """A line for each statement with its verdict, and one for each further eps at which it was asked.

    What is known for certain has no intervals, nor has a table of that alone.
    """
    table = [["statement", "verdict", "measured", "differences, with their intervals"]]
    for claim in found:
        one = claim.decisive
        at = f" ({one.at})" if one.at else ""
        table.append([f"{claim.what}{at}", claim.verdict, one.measured, one.intervals])
        others = [other for other in claim.checks if other is not one]
        table += [[f"the same ({c.at})", f"there: {c.verdict}", c.measured, c.intervals] for c in others]
    return table if any(line[-1] for line in table[1:]) else [line[:-1] for line in table]


def reasons(found: Sequence[Claim], verdict: Verdict) -> list[str]:
    """For each statement with this `verdict` why it has it: which number stands against which bound."""
    return [_reason(claim) for claim in found if claim.verdict == verdict]


def _reason(claim: Claim) -> str:
    check = claim.decisive
    at = f" ({check.at})" if check.at else ""
    why = f" {check.why[0].upper()}{check.why[1:]}" if check.why else ""
    return f"{claim.verdict.capitalize()}: {claim.what}{at}. Measured: {check.measured.removesuffix('.')}.{why}"


def counted(found: Sequence[Claim]) -> str:
    """How many of the statements hold, do not, and are undecided; apart from them, of the answers that are known."""
    kinds = {"statements of the paper": False, "answers that are known": True}
    by_kind = {what: [claim for claim in found if claim.known == known] for what, known in kinds.items()}
    return " ".join(_counted(what, claims) for what, claims in by_kind.items() if claims)


def _counted(what: str, claims: Sequence[Claim]) -> str:
    number = {verdict: sum(claim.verdict == verdict for claim in claims) for verdict in get_args(Verdict)}
    text = f"{number['holds']} of {len(claims)} {what} hold here, {number['does not hold']} do not"
    return f"{text}, {number['undecided']} are undecided."
