"""Rows of a run picked by their fields; means and spreads over seeds are formed from what is picked."""

import math
import statistics
from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]
SETS = {"robust": "D_R", "nonrobust": "D_NR", "rand": "D_rand", "det": "D_det"}


def picked(rows: list[Row], **fields: Any) -> list[Row]:
    """The rows whose fields are these; a row that lacks a field has None there, and "main" as its part."""
    return [row for row in rows if all(_field(row, name) == value for name, value in fields.items())]


def _field(row: Row, name: str) -> Any:
    return row.get(name, "main" if name == "part" else None)


def values(rows: list[Row], **fields: Any) -> list[float]:
    """Their accuracies, one a seed."""
    return [row["accuracy"] for row in picked(rows, **fields)]


def mean(rows: list[Row], **fields: Any) -> float | None:
    """The mean of their accuracies; None where there are none."""
    found = values(rows, **fields)
    return statistics.fmean(found) if found else None


def spread(found: Sequence[float], *, digits: int = 3) -> str:
    """Mean, and with two values or more the standard deviation, as "0.612 ± 0.013"."""
    middle = f"{statistics.fmean(found):.{digits}f}"
    return middle if len(found) < 2 else f"{middle} ± {statistics.stdev(found):.{digits}f}"


def ranks(found: Sequence[float]) -> list[float]:
    """The rank of each value from 1, equal values sharing the mean of theirs."""
    return [sum(other < value for other in found) + (1 + sum(other == value for other in found)) / 2 for value in found]


def rank_correlation(left: Sequence[float], right: Sequence[float]) -> float:
    """Spearman's rho; NaN where one side is all equal."""
    one, two = ranks(left), ranks(right)
    middle = (len(one) + 1) / 2
    product = sum((a - middle) * (b - middle) for a, b in zip(one, two, strict=True))
    size = math.sqrt(sum((a - middle) ** 2 for a in one) * sum((b - middle) ** 2 for b in two))
    return product / size if size else math.nan


def bootstrap_interval(left: Sequence[float], right: Sequence[float], *, draws: int = 10_000) -> tuple[float, float]:
    """The 95 % percentile interval of the rank correlation over resampled pairs; a fixed seed, NaN draws left out."""
    import numpy as np

    picks = np.random.default_rng(0).integers(len(left), size=(draws, len(left)))
    found = [rank_correlation([left[i] for i in pick], [right[i] for i in pick]) for pick in picks.tolist()]
    sound = [rho for rho in found if not math.isnan(rho)]
    low, high = np.percentile(sound or [math.nan], [2.5, 97.5])
    return float(low), float(high)
