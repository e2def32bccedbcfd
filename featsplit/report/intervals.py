r"""Intervals of accuracies, and of sums of accuracies such as a difference, over images and over seeds.

An accuracy is a mean over test images, and over seeds where a run has several; both were drawn. With x_si the weighted
outcome of image i under seed s, of S seeds and n images, the interval reaches

    reach^2 = t^2 var_s(x_s.) / S + z^2 max(0, var_i(x_.i) / n - var_si(residuals) / (n S))

to either side, t and z being the quantiles of Student's t with S - 1 degrees of freedom and of the normal distribution:
the reaches over seeds and over images in quadrature (the variance components are those of readers and cases, Hillis
2007, Statistics in Medicine 26:596). It keeps its level whichever of the two decides, as the tests count on drawn rows.
With one seed there is only var_i / n: the interval speaks of these networks, on other images. To each sample of images
four made-up ones are added, two with the largest outcome and two with the least (Agresti and Coull 1998 for one
proportion, Bonett and Price 2012 for the difference of two on the same images): without them a few images that differ
would seem to be sure. And each interval reaches one outcome further (Fleiss' correction for continuity), so that its
level is that of the exact tests.
"""

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from featsplit.outcomes import unpacked
from featsplit.rows import Row

ERROR = 0.05
CONFIDENCE = 1 - ERROR
MADE_UP = 2
"""Images that are added at either end of what an image can be."""
Verdict = Literal["holds", "does not hold", "undecided"]
Array = NDArray[np.float64]


class Term(NamedTuple):
    """The accuracy of one network on one set of images, with its `weight` in a sum: one row a seed."""

    weight: float
    rows: Sequence[Row]


class Interval(NamedTuple):
    """A value and the interval around it at a `confidence`, over `n` images (of the smallest set) and `seeds`."""

    value: float
    low: float
    high: float
    n: int
    seeds: int
    confidence: float = CONFIDENCE

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"

    def signed(self) -> str:
        """With signs, as a difference has them."""
        return f"{self.value:+.3f} ({self.low:+.3f} to {self.high:+.3f})"

    def short(self) -> str:
        """Where there is little room: the value and how far the interval reaches."""
        return f"{self.value:.3f} ±{f'{max(self.high - self.value, self.value - self.low):.3f}'.lstrip('0')}"

    def above(self, threshold: float) -> Verdict:
        """Whether the value is above `threshold`, as far as the interval knows."""
        return "holds" if self.low > threshold else "does not hold" if self.high < threshold else "undecided"

    def moved(self, amount: float) -> "Interval":
        """That of the value plus a fixed `amount`."""
        return self._replace(value=self.value + amount, low=self.low + amount, high=self.high + amount)

    def negative(self) -> "Interval":
        """That of the value with its sign turned."""
        return self._replace(value=-self.value, low=-self.high, high=-self.low)


class Part(NamedTuple):
    """What one set of images adds to a sum: its mean for each seed (S,), the variance over images, and its bounds."""

    means: Array
    variance: float
    low: float = -math.inf
    high: float = math.inf


def accuracy(rows: Sequence[Row], *, confidence: float = CONFIDENCE) -> Interval:
    """The accuracy that `rows` measured, one a seed, with its interval."""
    return weighted([Term(1.0, rows)], confidence=confidence)


def difference(left: Sequence[Row], right: Sequence[Row], *, confidence: float = CONFIDENCE) -> Interval:
    """How far the accuracy of `left` is above that of `right`: paired where both were measured on the same images."""
    return weighted([Term(1.0, left), Term(-1.0, right)], confidence=confidence)


def weighted(terms: Sequence[Term], *, confidence: float = CONFIDENCE) -> Interval:
    """The sum of the weighted accuracies of `terms`, over the seeds that all of them have, with its interval.

    Rows that were measured on the same images (their field `images`) are paired image by image by their `outcomes`.
    Rows that tell no outcomes (of an older version, or of images that differ), or that are of other numbers of images
    under other seeds (as those that fool a network), are independent of the others.
    """
    seeds = [row["seed"] for row in terms[0].rows if all(_of_seed(term.rows, row["seed"]) for term in terms)]
    common = [Term(weight, [row for seed in seeds for row in _of_seed(rows, seed)]) for weight, rows in terms]
    value = sum(weight * float(np.mean([row["accuracy"] for row in rows])) for weight, rows in common)
    count = min(int(row["n"]) for term in common for row in term.rows)
    outcome = max(abs(weight) for weight, _ in common) / (count * len(seeds))
    return over_parts(value, [_part(group) for group in _groups(common)], count, confidence, outcome)


def with_errors(
    values: Sequence[float], errors: Sequence[float], *, count: int, confidence: float = CONFIDENCE
) -> Interval:
    """The mean over seeds of `values` whose standard errors over `count` images are `errors`, one each a seed."""
    variance = float(np.square(errors).mean()) if np.isfinite(errors).all() else math.inf
    return over_parts(fmean(values), [Part(np.array(values), variance)], count, confidence)


def mean_of(numbers: Sequence[NDArray[np.floating]], *, confidence: float = CONFIDENCE) -> Interval:
    """The mean of `numbers`, an array for each seed with a number for each image, by Student's t over the images.

    Distances, say, or for two attacks the difference of their distances from the same image: all have to be finite, and
    of each seed there must be one. A seed with a single number has an infinite interval.
    """
    from scipy import stats

    normal, errors = stats.norm.ppf((1 + confidence) / 2), list[float]()
    for own in numbers:
        wider = stats.t.ppf((1 + confidence) / 2, len(own) - 1) / normal if len(own) > 1 else math.inf
        errors.append(wider * float(own.std(ddof=1)) / math.sqrt(len(own)) if len(own) > 1 else math.inf)
    means = [float(own.mean()) for own in numbers]
    return with_errors(means, errors, count=min(map(len, numbers)), confidence=confidence)


def over_parts(value: float, parts: Sequence[Part], count: int, confidence: float, outcome: float = 0.0) -> Interval:
    """The interval around `value`, the sum of `parts`, of `count` images, each end one `outcome` further."""
    means: Array = np.sum([part.means for part in parts], axis=0)
    from scipy import stats  # half a second that a process which only works does not need

    squared = stats.norm.ppf((1 + confidence) / 2) ** 2 * sum(part.variance for part in parts)
    if len(means) > 1:
        squared += stats.t.ppf((1 + confidence) / 2, len(means) - 1) ** 2 * means.var(ddof=1) / len(means)
    middle, reach = float(means.mean()), math.sqrt(squared) + outcome
    low, high = sum(part.low for part in parts), sum(part.high for part in parts)
    ends = min(max(middle - reach, low), value), max(min(middle + reach, high), value)
    return Interval(value, *ends, count, len(means), confidence)


def _of_seed(rows: Sequence[Row], seed: int) -> list[Row]:
    return [row for row in rows if row["seed"] == seed][:1]


def _groups(terms: Sequence[Term]) -> list[list[Term]]:
    """The terms that can be paired, together; each of the others by itself."""
    groups: dict[tuple[object, ...], list[Term]] = {}
    for place, term in enumerate(terms):
        known = _told(term) and all(row.get("images") for row in term.rows)
        key: tuple[object, ...] = tuple((row["images"], row["n"]) for row in term.rows) if known else (place,)
        groups.setdefault(key, []).append(term)
    return list(groups.values())


def _told(term: Term) -> bool:
    """Whether the rows tell the outcome of each image, of as many images under every seed."""
    return all(row.get("outcomes") for row in term.rows) and len({row["n"] for row in term.rows}) == 1


def _part(group: Sequence[Term]) -> Part:
    low, high = (sum(side(term.weight, 0.0) for term in group) for side in (min, max))
    if not all(map(_told, group)):
        return _proportion(group[0], low, high)
    by_term = [term.weight * np.stack([unpacked(row["outcomes"], row["n"]) for row in term.rows]) for term in group]
    outcomes: Array = np.sum(by_term, axis=0)
    half = (high - low) / 2 / math.sqrt(len(outcomes))  # each seed's made-up images are its own
    made_up = np.repeat([(low + high) / 2 - half, (low + high) / 2 + half], MADE_UP)
    filled = np.concatenate([outcomes, np.tile(made_up, (len(outcomes), 1))], axis=1)
    return crossed(filled, low, high)


def crossed(values: Array, low: float = -math.inf, high: float = math.inf) -> Part:
    """What images add that all seeds had: `values` (S, n) of image i under seed s, by the variance components above."""
    by_seed, by_image, (seeds, count) = values.mean(axis=1), values.mean(axis=0), values.shape
    variance = float(by_image.var(ddof=1)) / count
    if seeds > 1:
        residuals = values - by_image - by_seed[:, None] + values.mean()
        variance -= float((residuals**2).sum()) / ((count - 1) * (seeds - 1)) / (count * seeds)
    return Part(by_seed, max(variance, 0.0), low, high)


def _proportion(term: Term, low: float, high: float) -> Part:
    """Of a term whose outcomes are not told: the variance of a proportion, as if all seeds had the same images."""
    counts = np.array([row["n"] for row in term.rows], dtype=float)
    sums = term.weight * np.array([row["accuracy"] for row in term.rows]) * counts
    means = (sums + MADE_UP * (low + high)) / (counts + 2 * MADE_UP)
    share = float(means.mean()) / term.weight
    variance = term.weight**2 * share * (1 - share) / (float(counts.min()) + 2 * MADE_UP)
    return Part(means, variance, low, high)
