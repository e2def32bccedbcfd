"""Rows of `featsplit evaluate` as a table: a line for each."""

from collections.abc import Sequence
from pathlib import Path

from featsplit.data.places import is_derived
from featsplit.report.cells import Cells, cell
from featsplit.report.intervals import Interval
from featsplit.rows import Row


class Listed(Row, total=False):
    """A row of the network in the file `model`; `images_of` is the data set whose images they are."""

    model: str
    images_of: str


def listing(rows: Sequence[Listed]) -> Cells:
    """A line for each row, with the fields that differ between attacks."""
    table = [["model", "test set", "attack", "norm", "eps", "steps", "restarts", "n", "accuracy ± 95 %"]]
    for row in rows:
        values = (row["norm"], row["eps"], row["steps"], row["restarts"])
        attack = [row["attack"], *("-" if value is None else f"{value}" for value in values)]
        accuracy = cell([row], Interval.short)
        table.append([Path(row["model"]).stem, _tested(row), *attack, f"{row['n']}", accuracy])
    return table


def _tested(row: Listed) -> str:
    """Which images a row is of: its test set's test images, or as it says."""
    name, split = row["test_set"], row.get("split", "test")
    images, source = ("training" if split == "train" else split), row.get("images_of", name)
    if source != name:
        return f"{name}: the source's {images} images"
    return f"{name}: its own images" if is_derived(name) else name if split == "test" else f"{name}: {images} images"
