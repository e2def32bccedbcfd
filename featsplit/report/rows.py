"""Rows of a run picked by their fields; means and spreads over seeds are formed from what is picked."""

import statistics
from collections.abc import Sequence
from typing import Any

from featsplit.metadata.derived_sets import DERIVED_SETS, FOUR

Row = dict[str, Any]
SETS = {name: DERIVED_SETS[name].symbol for name in FOUR}


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


def column_name(attack: str, norm: str | None, eps: float | None) -> str:
    """What a column of accuracies is of."""
    return "clean" if attack == "none" else f"{attack} {norm} {eps:g}"
