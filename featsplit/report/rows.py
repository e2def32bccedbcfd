"""Rows of a run picked by their fields; means and spreads over seeds are formed from what is picked."""

import statistics
from collections.abc import Sequence
from typing import TypeVar

from featsplit.rows import Row

R = TypeVar("R", bound=Row)
PLAIN = dict.fromkeys(("split", "labels", "moment"))


def picked(rows: Sequence[R], **fields: object) -> list[R]:
    """The rows whose fields are these; a row that lacks a field has None there.

    A `test_set` without more is its test images with their own labels: other images or labels of it are named too.
    """
    wanted = {**(PLAIN if "test_set" in fields else {}), **fields}
    return [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]


def values(rows: Sequence[Row], **fields: object) -> list[float]:
    """Their accuracies, one a seed."""
    return [row["accuracy"] for row in picked(rows, **fields)]


def mean(rows: Sequence[Row], **fields: object) -> float | None:
    """The mean of their accuracies; None where there are none."""
    found = values(rows, **fields)
    return statistics.fmean(found) if found else None
