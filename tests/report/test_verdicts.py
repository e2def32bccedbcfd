"""The verdicts as a person reads them: what the paper states, apart from answers that are known."""

import pytest

from featsplit.report.decisions import Check, Claim
from featsplit.report.intervals import Verdict
from featsplit.report.known import known
from featsplit.report.verdicts import counted


def stated(verdict: Verdict) -> Claim:
    """A statement of the paper with this verdict."""
    return Claim("D_R is robust", (Check("clean, n 10, 1 seed", verdict, "0.5", ""),))


PAPER = [stated("holds"), stated("holds"), stated("undecided"), stated("does not hold")]
KNOWN = [known("f is linear", "holds", "0"), known("f is exact", "does not hold", "by 1")]
OF_PAPER = "2 of 4 statements of the paper hold here, 1 do not, 1 are undecided."
OF_KNOWN = "1 of 2 answers that are known hold here, 1 do not, 0 are undecided."


@pytest.mark.parametrize(
    ("claims", "text"),
    [(PAPER, OF_PAPER), (KNOWN, OF_KNOWN), ([*KNOWN, *PAPER], f"{OF_PAPER} {OF_KNOWN}")],
    ids=["of the paper", "known", "both"],
)
def test_known_answers_are_counted_apart(claims: list[Claim], text: str) -> None:
    assert counted(claims) == text
