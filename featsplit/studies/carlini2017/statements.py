"""What the statements of all experiments share: distances and successes of rows, and verdicts on them."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from featsplit.outcomes import unpacked_numbers
from featsplit.report.decisions import Check, Claim, because, decided
from featsplit.report.decisions import written as all_written
from featsplit.report.intervals import Interval, accuracy, mean_of, with_errors
from featsplit.studies.carlini2017.rows import CarliniRow

Line = Sequence[CarliniRow]
"""The rows of one measurement, one a seed."""
Array = NDArray[np.float32]
MOST = 3
"""How many intervals a statement shows."""


def success(line: Line, confidence: float = 0.95) -> Interval:
    """The share of images for which an attack found something: one less the accuracy."""
    return accuracy(line, confidence=confidence).negative().moved(1.0)


def distances(line: Line) -> list[Array]:
    """The distances of all images, of each seed; infinity where none was found."""
    return [unpacked_numbers(row["distances"]) for row in line]


def mean_distance(line: Line, confidence: float = 0.95) -> Interval | None:
    """The mean distance over the images for which one was found; None where there is none."""
    found = [own[np.isfinite(own)] for own in distances(line)]
    found = [own for own in found if len(own)]
    return mean_of(found, confidence=confidence) if found else None


def further(left: Line, right: Line, factor: float = 1.0, confidence: float = 0.95) -> Interval:
    """By how much the mean distance of `left` is above `factor` times that of `right`, as a share of the latter.

    Image by image where both are of the same images, of those that both found; else each over what it found. Where
    there is nothing to compare, the interval is everything.
    """
    gaps = [_gap(distances([one])[0], distances([other])[0], factor, paired=_alike(one, other))
            for one in left for other in right if one["seed"] == other["seed"]]  # fmt: skip
    gaps = [gap for gap in gaps if gap.images]
    if not gaps:
        return Interval(0.0, -math.inf, math.inf, 0, 1, confidence)
    scale = float(np.mean([gap.scale for gap in gaps]))
    means, errors = [gap.mean / scale for gap in gaps], [gap.error / scale for gap in gaps]
    return with_errors(means, errors, count=min(gap.images for gap in gaps), confidence=confidence)


class _Gap(NamedTuple):
    """Of one seed: the mean of what is left above what is right, its standard error, the mean right, over how many."""

    mean: float
    error: float
    scale: float
    images: int


def _gap(left: Array, right: Array, factor: float, *, paired: bool) -> _Gap:
    if paired:
        both = np.isfinite(left) & np.isfinite(right)
        left, right = left[both], right[both]
    left, right = left[np.isfinite(left)], right[np.isfinite(right)]
    if not len(left) or not len(right):
        return _Gap(0.0, math.inf, 0.0, 0)
    error = _error(left - factor * right) if paired else math.hypot(_error(left), factor * _error(right))
    scale, count = float(right.mean()), min(len(left), len(right))
    return _Gap(float(left.mean()) - factor * scale, error, scale, count)


def _alike(left: CarliniRow, right: CarliniRow) -> bool:
    return left.get("images") == right.get("images") and left["n"] == right["n"]


def further_claim(what: str, pairs: Sequence[tuple[Line, Line]], factor: float = 1.0, *, known: bool = False) -> Claim:
    """That each of the first of `pairs` is further than `factor` times the second, in the mean."""
    pairs = [pair for pair in pairs if all(map(_found_any, pair))]
    if not pairs:
        return Claim(what, (), known)

    def apart(level: float) -> list[Interval]:
        return [further(left, right, factor, level) for left, right in pairs]

    verdict, intervals = decided(apart)
    values = ", ".join(f"{_mean(left):.3g} / {_mean(right):.3g}" for left, right in pairs)
    return Claim(
        what, (Check(where(intervals[0]), verdict, values, written(intervals), why=because(verdict, intervals)),), known
    )


def share_claim(
    what: str, lines: Sequence[Line], *, above: float | None = None, below: float | None = None, known: bool = False
) -> Claim:
    """That the attacks of all `lines` succeed in a share `above` or `below` this."""
    lines = [line for line in lines if line]
    if not lines:
        return Claim(what, (), known)

    def apart(level: float) -> list[Interval]:
        found = [success(line, level) for line in lines]
        return [one.moved(-above) if above is not None else one.negative().moved(below or 0.0) for one in found]

    verdict, intervals = decided(apart)
    values = ", ".join(f"{success(line).value:.3f}" for line in lines)
    return Claim(
        what, (Check(where(intervals[0]), verdict, values, written(intervals), why=because(verdict, intervals)),), known
    )


def written(intervals: Sequence[Interval]) -> str:
    """The intervals; of more than `MOST` the one that is fulfilled the least."""
    if len(intervals) <= MOST:
        return all_written(intervals)
    return f"the least of {len(intervals)}: {all_written([min(intervals, key=lambda interval: interval.low)])}"


def where(interval: Interval) -> str:
    """Over how many images, of the smallest set, and seeds an interval is."""
    return f"n {interval.n}, {f'{interval.seeds} seeds' if interval.seeds > 1 else '1 seed'}"


def _found_any(line: Line) -> bool:
    return any(row["mean_distance"] is not None for row in line)


def _error(values: Array) -> float:
    return float(values.std(ddof=1)) / float(np.sqrt(len(values))) if len(values) > 1 else float("inf")


def _mean(line: Line) -> float:
    found = mean_distance(line)
    assert found is not None
    return found.value
