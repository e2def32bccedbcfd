"""What is said of the objectives, the boxes and c."""

from collections.abc import Callable, Sequence

import numpy as np

from featsplit.attacks.carlini_wagner_l2 import BOXES
from featsplit.engine.results import Results
from featsplit.outcomes import unpacked_numbers
from featsplit.report.decisions import Check, Claim, because, decided
from featsplit.report.intervals import Interval, difference, mean_of
from featsplit.report.rows import picked
from featsplit.studies.carlini2017.rows import CarliniRow
from featsplit.studies.carlini2017.settings import Settings
from featsplit.studies.carlini2017.statements import Line, further, share_claim, success, where, written

GOOD, BAD = ("f1", "f5", "f6", "f7"), ("f2", "f3", "f4")
"""The objectives of logits, or of their logarithm; and those of probabilities."""
WORSE = 1.15
"""A distance that is so many times that of f6 is worse, as a failure is."""


def line(rows: Sequence[CarliniRow], objective: str, box: str, case: str) -> list[CarliniRow]:
    """The rows of the search with an objective in a box."""
    return picked(rows, experiment="objectives", objective=objective, box=box, case=case, constant=None, least=None)


def at_constants(rows: Sequence[CarliniRow], objective: str) -> dict[float, list[CarliniRow]]:
    """The rows of each fixed c, ascending."""
    own = picked(rows, experiment="objectives", objective=objective, case="average")
    constants = sorted({row["constant"] for row in own if "constant" in row})
    return {constant: picked(own, constant=constant) for constant in constants}


def least_constants(rows: Sequence[CarliniRow], objective: str) -> list[CarliniRow]:
    """The rows with the least c of each image."""
    return [row for row in picked(rows, experiment="objectives", objective=objective) if "least" in row]


def _good(results: Results[Settings]) -> list[Claim]:
    lines = [line(results.rows, name, box, "average") for name in GOOD for box in BOXES]
    return [share_claim("Table III: f1, f5, f6 and f7 reach their target in every box (above 90 %)", lines, above=0.9)]


def _bad(results: Results[Settings]) -> list[Claim]:
    what = f"Table III: f2, f3 and f4 fail more often than f6 does, or end {WORSE} times as far, in every box"
    pairs = [
        (line(results.rows, name, box, "average"), line(results.rows, "f6", box, "average"))
        for name in BAD
        for box in BOXES
    ]
    pairs = [pair for pair in pairs if all(pair)]
    if not pairs:
        return []

    def worse(level: float) -> list[Interval]:
        return [_worse(bad, good, (1 + level) / 2) for bad, good in pairs]

    verdict, intervals = decided(worse)
    values = ", ".join(f"{success(bad).value:.2f}" for bad, _ in pairs)
    return [
        Claim(
            what,
            (
                Check(
                    where(intervals[0]),
                    verdict,
                    f"reached {values}",
                    written(intervals),
                    why=because(verdict, intervals),
                ),
            ),
        )
    ]


def _worse(bad: Line, good: Line, level: float) -> Interval:
    """How much less often it succeeds, or how much further it is: whichever is surer, each at half of the error."""
    rarer = difference(bad, good, confidence=level)
    if not any(row["success"] for row in bad):
        return rarer
    return max(rarer, further(bad, good, WORSE, level), key=lambda interval: interval.low)


def _constants(results: Results[Settings]) -> list[Claim]:
    by_seed = [
        (unpacked_numbers(low["least"]), unpacked_numbers(high["least"]))
        for low, high in zip(least_constants(results.rows, "f6"), least_constants(results.rows, "f4"), strict=True)
    ]
    ratios = [np.log10(high[both] / low[both]) for low, high in by_seed if (both := np.isfinite(low + high)).any()]
    what = "Section V.B: f4 needs a c of some 10,000 times that of f6 (above 1000; log10 of the ratio is shown)"
    if not ratios:
        return []
    verdict, intervals = decided(lambda level: [mean_of(ratios, confidence=level).moved(-3.0)])
    value = f"{mean_of(ratios).value:.2f}"
    return [
        Claim(what, (Check(where(intervals[0]), verdict, value, written(intervals), why=because(verdict, intervals)),))
    ]


def _figure_2(results: Results[Settings]) -> list[Claim]:
    lines = at_constants(results.rows, "f6")
    if not lines:
        return []
    first, *_, last = lines.values()
    won = next((one for one in lines.values() if success(one).value > 0.5), last)

    def rises(level: float) -> list[Interval]:
        return [difference(first, last, confidence=level), further(last, won, 1.0, level)]

    verdict, intervals = decided(rises)
    least, most = min(lines), max(lines)
    values = f"success {success(first).value:.2f} at c {least:g}, {success(last).value:.2f} at {most:g}"
    what = "Figure 2: a c that is too small does not reach the target, one that is too large ends further away"
    return [
        Claim(what, (Check(where(intervals[0]), verdict, values, written(intervals), why=because(verdict, intervals)),))
    ]


def _straight(results: Results[Settings]) -> list[Claim]:
    rows = [row for row in least_constants(results.rows, "f6") if "straight" in row]
    if not rows:
        return []
    numbers = [unpacked_numbers(row["straight"]) for row in rows]
    verdict, intervals = decided(lambda level: [mean_of(numbers, confidence=level).moved(-0.9)])
    what = "Section V.B: on the way to the adversarial image the target's logit rises on a line (correlation above 0.9)"
    value = f"{mean_of(numbers).value:.3f}"
    return [
        Claim(what, (Check(where(intervals[0]), verdict, value, written(intervals), why=because(verdict, intervals)),))
    ]


CLAIMS: tuple[Callable[[Results[Settings]], list[Claim]], ...] = (_good, _bad, _constants, _figure_2, _straight)
"""The statements of sections V.A and V.B."""
