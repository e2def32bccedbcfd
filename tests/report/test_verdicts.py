"""The verdicts as a person reads them: what the paper states, apart from answers that are known."""

import pytest

from featsplit.report.decisions import Check, Claim, because, chain
from featsplit.report.intervals import Interval, Verdict
from featsplit.report.known import known
from featsplit.report.verdicts import claims_table, counted, reasons
from tests.rows import row


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


INTERVAL = Interval(0.157, -0.012, 0.326, 360, 3)


def test_what_is_undecided_says_which_margin_reaches_below_its_bound() -> None:
    wide = [Interval(0.3, 0.1, 0.5, 360, 3), INTERVAL]
    text = because("undecided", wide, ["adversarial > D_R", "D_R > standard"])
    assert text == (
        "D_R > standard: the margin is +0.157 (-0.012 to +0.326), its whole interval would have to lie above 0."
    )
    assert because("undecided", wide).startswith("inequality 2 of 2: the margin is +0.157")
    assert because("undecided", [INTERVAL]).startswith("the margin is +0.157")
    assert because("holds", wide) == ""


def test_what_does_not_hold_says_which_inequality_is_reversed() -> None:
    """The one whose interval ends lowest, though another one reaches further down."""
    reversed_, wide = Interval(-0.1, -0.15, -0.05, 360, 1), Interval(0.1, -0.5, 0.7, 360, 1)
    text = because("does not hold", [wide, reversed_], ["a > b", "b > c"])
    assert text == "b > c: the margin is -0.100 (-0.150 to -0.050), on the wrong side of 0."


def test_reasons_are_those_of_the_verdict_with_what_was_measured() -> None:
    check = Check("pgd l2 0.5, n 360, 3 seeds", "undecided", "0.553 > 0.438", "", why="the margin is small.")
    claims = [Claim("Table 7", (check,)), *PAPER]
    assert reasons(claims, "undecided") == [
        "Undecided: Table 7 (pgd l2 0.5, n 360, 3 seeds). Measured: 0.553 > 0.438. The margin is small.",
        "Undecided: D_R is robust (clean, n 10, 1 seed). Measured: 0.5.",
    ]
    assert len(reasons(claims, "does not hold")) == 1


def test_what_is_known_has_no_column_of_intervals_and_one_full_stop() -> None:
    answer = known("the network", "does not hold", "0.5 is asked.")
    assert claims_table([answer]) == [
        ["statement", "verdict", "measured"],
        ["the network", "does not hold", "0.5 is asked."],
    ]
    assert reasons([answer], "does not hold") == ["Does not hold: the network. Measured: 0.5 is asked."]
    stated = Claim("a", (Check("", "holds", "0.9", "+0.1 (+0.0 to +0.2)"),))
    assert [line[-1] for line in claims_table([answer, stated])][1:] == ["", "+0.1 (+0.0 to +0.2)"]


def test_a_chain_names_the_step_that_is_undecided() -> None:
    lines = [[row(value, n=100)] for value in (0.9, 0.5, 0.49)]
    found = chain(lines, ("D", "D_R", "D_NR"))
    assert found.verdict == "undecided"
    assert found.why.startswith("D_R > D_NR: the margin is +0.010 (")
