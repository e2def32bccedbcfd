"""Statements whose truth is known before they are measured: what a page says of those that did not come out.

A number is off where it differs by more than is asked and by more than `SURE` standard errors, chance alone; undecided
where it differs by more than is asked and chance may be why.
"""

from collections.abc import Sequence

from featsplit.report.decisions import Check, Claim
from featsplit.report.intervals import Verdict

FEW = 2
"""Up to how many of those that did not come out are told."""
SURE = 4
"""Standard errors that chance does not reach: in 1 of 16,000 numbers."""


def known(what: str, verdict: Verdict, says: str) -> Claim:
    """The claim that `what` is as known, with its `verdict`; `says`: by how much, and where it is not the cause."""
    return Claim(what, (Check("", verdict, says, ""),), known=True)


def concluded(claims: Sequence[Claim]) -> str:
    """The verdicts in one paragraph: those that are not as known, or that all are."""
    words = {"does not hold": "off", "undecided": "undecided"}
    rest = [
        f"{claim.what} is {words[claim.verdict]}: {claim.decisive.measured}"
        for claim in claims
        if claim.verdict != "holds"
    ]
    if len(rest) > FEW:
        rest = [*rest[:FEW], f"So are {len(rest) - FEW} more."]
    if not claims:
        return "Verdict: none. At these settings nothing is known to compare with."
    return f"Verdict: {' '.join(rest)}" if rest else f"Verdict: all {len(claims)} are as known."
