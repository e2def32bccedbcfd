"""What is said of examples of high confidence: that they fool networks of other images, distilled ones too."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from featsplit.engine.results import Results
from featsplit.report.decisions import Check, Claim, because, decided
from featsplit.report.intervals import Interval, accuracy, difference
from featsplit.report.rows import picked
from featsplit.studies.carlini2017.rows import CarliniRow
from featsplit.studies.carlini2017.settings import Settings
from featsplit.studies.carlini2017.statements import further_claim, where, written
from featsplit.studies.carlini2017.transfer.measure import others

AIMS = ("average", "untargeted")
"""With the target drawn for each image, and without one."""


def line(rows: Sequence[CarliniRow], kappa: float, aim: str, to: str | None) -> list[CarliniRow]:
    """The rows of a confidence, of the network `to`; those of the source for None. Without those of no example."""
    return [row for row in picked(rows, experiment="transfer", kappa=kappa, case=aim, to=to) if row["n"]]


def confidences(rows: Sequence[CarliniRow]) -> list[float]:
    """The confidences of the rows, ascending."""
    return sorted({row["kappa"] for row in picked(rows, experiment="transfer")})


def _grows(results: Results[Settings]) -> list[Claim]:
    """That none of the steps falls, and the whole rises."""
    rows, found = results.rows, confidences(results.rows)
    claims = []
    for network in others(results.settings) if found else ():
        lines = [[one for kappa in found if (one := line(rows, kappa, aim, network.name))] for aim in AIMS]
        ends = [(own[-1], own[0]) for own in lines if len(own) > 1]

        def grows(level: float, ends: "list[tuple[list[CarliniRow], list[CarliniRow]]]" = ends) -> list[Interval]:
            return [difference(last, first, confidence=level) for last, first in ends]

        if ends:
            verdict, intervals = decided(grows)
            values = "; ".join(" ".join(f"{accuracy(one).value:.2f}" for one in own) for own in lines)
            what = (
                f"Figures 9 and 10: more confidence fools the network {network.name} more often (targeted; untargeted)"
            )
            claims.append(
                Claim(
                    what,
                    (Check(where(intervals[0]), verdict, values, written(intervals), why=because(verdict, intervals)),),
                )
            )
    return claims


def _never_falls(results: Results[Settings]) -> list[Claim]:
    rows, found, claims = results.rows, confidences(results.rows), list[Claim]()
    for network in others(results.settings) if found else ():
        steps = [
            (line(rows, high, aim, network.name), line(rows, low, aim, network.name))
            for aim in AIMS
            for low, high in pairwise(found)
        ]
        steps = [pair for pair in steps if all(pair)]

        def rises(level: float, steps: "list[tuple[list[CarliniRow], list[CarliniRow]]]" = steps) -> list[Interval]:
            return [difference(high, low, confidence=level).moved(0.1) for high, low in steps]

        if steps:
            verdict, intervals = decided(rises)
            least = min(accuracy(high).value - accuracy(low).value for high, low in steps)
            what = f"Figures 9 and 10: from one confidence to the next it falls by less than .1 (to {network.name})"
            claims.append(
                Claim(
                    what,
                    (
                        Check(
                            where(intervals[0]),
                            verdict,
                            f"least step {least:+.2f}",
                            "",
                            why=because(verdict, intervals),
                        ),
                    ),
                )
            )
    return claims


def _untargeted(results: Results[Settings]) -> list[Claim]:
    rows, found = results.rows, confidences(results.rows)
    small = [kappa for kappa in found if kappa <= 5]
    pairs = [
        tuple(line(rows, kappa, aim, network.name) for aim in reversed(AIMS))
        for kappa in small
        for network in others(results.settings)
    ]
    pairs = [pair for pair in pairs if all(pair)]
    if not pairs:
        return []

    def more(level: float) -> list[Interval]:
        return [difference(*pair, confidence=level).moved(0.05) for pair in pairs]

    verdict, intervals = decided(more)
    values = ", ".join(f"{accuracy(left).value:.2f} / {accuracy(right).value:.2f}" for left, right in pairs)
    what = "At a small confidence untargeted examples transfer no less often than targeted ones (to .05)"
    return [
        Claim(what, (Check(where(intervals[0]), verdict, values, written(intervals), why=because(verdict, intervals)),))
    ]


def _further(results: Results[Settings]) -> list[Claim]:
    rows, found = results.rows, confidences(results.rows)
    pairs = [(line(rows, high, aim, None), line(rows, low, aim, None)) for aim in AIMS for low, high in pairwise(found)]
    return [further_claim("More confidence is further away, in l2 (targeted, untargeted)", pairs)]


CLAIMS: tuple[Callable[[Results[Settings]], list[Claim]], ...] = (_grows, _never_falls, _untargeted, _further)
"""The statements of section VIII.D."""
