"""The verdicts on the paper's statements as a person reads them: in a terminal, and on the page of a run."""

import textwrap
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
    """A line for each statement with its verdict, and one for each further eps at which it was asked."""
    table = [["statement", "verdict", "measured", "differences, with their intervals"]]
    for claim in found:
        one = claim.decisive
        table.append([f"{claim.what} ({one.at})", claim.verdict, one.measured, one.intervals])
        others = [other for other in claim.checks if other is not one]
        table += [[f"the same ({c.at})", f"there: {c.verdict}", c.measured, c.intervals] for c in others]
    return table


def verdicts_as_text(found: Sequence[Claim]) -> list[str]:
    """Paragraphs for a terminal of 80 columns: the verdict on each of the statements, and how many hold."""
    undecided = any(claim.verdict == "undecided" for claim in found)
    more = ["What is undecided wants more test images, or more --seeds."] if undecided else []
    number = "\n".join(textwrap.wrap(counted(found), 80))
    return ["\n".join(line for claim in found for line in _told(claim)), number, *more]


def _told(claim: Claim) -> list[str]:
    """The verdict on a claim, and what it was made by, in lines of 80 columns."""
    check, indent = claim.decisive, " " * 15
    texts = [f"{claim.verdict:<13}  {claim.what}", f"{indent}{check.measured}  ({check.at})"]
    texts += [f"{indent}{check.intervals}"] if check.intervals else []
    return [line for text in texts for line in textwrap.wrap(text, 80, subsequent_indent=indent)]


def counted(found: Sequence[Claim]) -> str:
    """How many of the statements hold, do not, and are undecided; apart from them, of the answers that are known."""
    kinds = {"statements of the paper": False, "answers that are known": True}
    by_kind = {what: [claim for claim in found if claim.known == known] for what, known in kinds.items()}
    return " ".join(_counted(what, claims) for what, claims in by_kind.items() if claims)


def _counted(what: str, claims: Sequence[Claim]) -> str:
    number = {verdict: sum(claim.verdict == verdict for claim in claims) for verdict in get_args(Verdict)}
    text = f"{number['holds']} of {len(claims)} {what} hold here, {number['does not hold']} do not"
    return f"{text}, {number['undecided']} are undecided."
