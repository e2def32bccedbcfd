r"""Intervals of rates among some of the images, such as the share of adversarial images that a photograph destroys.

A rate is sum_i b_i / sum_i a_i, a_i saying whether image i counts and b_i whether it counts and was hit. Which images
count differs from one network or attack to the next, so two rates are not paired image by image as accuracies are; but
to first order a rate is a mean over all images, of

    R + (b_i - R a_i) / mean(a),

and such means, and their sums, are treated as `intervals` does accuracies: paired over the images, crossed with seeds,
with four images made up, which count, two of them hit.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from featsplit.report.intervals import CONFIDENCE, MADE_UP, Array, Interval, crossed, over_parts

Bits = NDArray[np.bool_]


class Counted(NamedTuple):
    """Of the images (N,) of a test set, which count and which of these were hit; the same images for every seed."""

    counted: Bits
    hit: Bits

    @property
    def rate(self) -> float | None:
        """The share of hits among those that count; None where none counts."""
        return float((self.hit & self.counted).sum() / self.counted.sum()) if self.counted.any() else None


class Weighted(NamedTuple):
    """A rate with its `weight` in a sum: what was counted, once a seed."""

    weight: float
    seeds: Sequence[Counted]


def rate(seeds: Sequence[Counted], *, confidence: float = CONFIDENCE) -> Interval | None:
    """The mean over `seeds` of a rate, with its interval in [0, 1]; None where no image counts under one of them."""
    found = sum_of_rates([Weighted(1.0, seeds)], confidence=confidence)
    return found and found._replace(low=max(found.low, 0.0), high=min(found.high, 1.0))


def rate_difference(
    left: Sequence[Counted], right: Sequence[Counted], *, confidence: float = CONFIDENCE
) -> Interval | None:
    """How far the rate of `left` is above that of `right`, paired over all images; None as in `rate`."""
    return sum_of_rates([Weighted(1.0, left), Weighted(-1.0, right)], confidence=confidence)


def sum_of_rates(terms: Sequence[Weighted], *, confidence: float = CONFIDENCE) -> Interval | None:
    """The sum of the weighted rates of `terms`, all of the same images and seeds; None as in `rate`.

    `n` of the interval is the least number of images that count in a term, under one seed.
    """
    counts = [int(one.counted.sum()) for term in terms for one in term.seeds]
    if not counts or not min(counts):
        return None
    seeds = range(len(terms[0].seeds))
    lines = [sum((term.weight * _line(term.seeds[seed]) for term in terms), np.zeros(())) for seed in seeds]
    value = sum(term.weight * float(np.mean([one.rate for one in term.seeds])) for term in terms)
    outcome = max(abs(term.weight) for term in terms) / (min(counts) * len(seeds))
    made_up = _made_up([term.weight for term in terms], [_share(term.seeds) for term in terms]) / math.sqrt(len(seeds))
    values = np.stack([np.concatenate([line, line.mean() + made_up]) for line in lines])
    return over_parts(value, [crossed(values)], min(counts), confidence, outcome)


def _line(one: Counted) -> Array:
    """A rate as a mean over images (N,), by its first order; the mean itself is that with the made-up images."""
    counted, hit = one.counted.astype(float), (one.counted & one.hit).astype(float)
    middle = (hit.sum() + MADE_UP) / (counted.sum() + 2 * MADE_UP)
    return np.asarray(middle + (hit - hit.sum() / counted.sum() * counted) / counted.mean())


def _share(seeds: Sequence[Counted]) -> float:
    """The share of the images that count."""
    return float(np.mean([one.counted.mean() for one in seeds]))


def _made_up(weights: Sequence[float], shares: Sequence[float]) -> Array:
    """Of the made-up images, how far each is from the mean: half hit in what is added and missed in what is taken."""
    half = sum(abs(weight) / share for weight, share in zip(weights, shares, strict=True)) / 2
    return np.repeat([-half, half], MADE_UP)
