"""Means of numbers of images, with their intervals: distances, and shares of networks that are fooled."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from featsplit.outcomes import unpacked, unpacked_numbers
from featsplit.report.intervals import CONFIDENCE, Interval, with_errors
from featsplit.studies.szegedy2014.rows import Packed, SzegedyRow

Array = NDArray[np.float64]


def mean_of(values: Sequence[Array], *, confidence: float = CONFIDENCE) -> Interval:
    """The mean over images and seeds of `values`, an array (n,) for each seed; infinite ones are left out."""
    finite = [array[np.isfinite(array)] for array in values]
    if not all(map(len, finite)):
        return Interval(np.inf, -np.inf, np.inf, 0, len(values), confidence)
    means = [float(array.mean()) for array in finite]
    errors = [float(array.std(ddof=1)) / len(array) ** 0.5 if len(array) > 1 else np.inf for array in finite]
    return with_errors(means, errors, count=min(map(len, finite)), confidence=confidence)


def packed_values(row: SzegedyRow, field: Packed = "distances") -> Array:
    """The numbers of each image that `row` has in a `field`, (n,); in l2."""
    return unpacked_numbers(row[field]).astype(np.float64)


def wrong(row: SzegedyRow) -> Array:
    """1 for each image that is predicted wrongly, else 0, (n,)."""
    return 1.0 - unpacked(row["outcomes"], row["n"]).astype(np.float64)
