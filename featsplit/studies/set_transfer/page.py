"""The matrix of sets and architectures, on a page."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from featsplit.engine.pages import again
from featsplit.engine.results import Results
from featsplit.report.blocks import Block, Brief, Heading, Table, Text
from featsplit.report.cells import Cells, as_text, cell, column_name
from featsplit.report.plots import heat_map, plot
from featsplit.rows import Row
from featsplit.studies.set_transfer.settings import Settings

TRANSFER = (
    "Each architecture is trained on each set as usual, and tested on the original test images: what it learns is what "
    "the set is worth to it. A set that was made of the test split is tested on too."
)


class Tested(NamedTuple):
    """A test set and an attack: a column of the matrix."""

    test_set: str
    attack: str
    norm: str | None
    eps: float | None

    def __str__(self) -> str:
        return f"{Path(self.test_set).stem} {column_name(self.attack, self.norm, self.eps)}"


def page(results: Results[Settings]) -> list[Block]:
    """The page of a run."""
    table = transfer_table(results.rows)
    return [
        Heading("What each set is worth to each architecture", 1),
        Text(TRANSFER),
        Brief(as_text(table)),
        plot("matrix", heat_map(*transfer_matrix(results.rows)), "Accuracies, means over seeds."),
        Table(table, main=True),
        *again(results),
    ]


def transfer_table(rows: Sequence[Row]) -> Cells:
    """What each training set is worth: a line for each set and architecture, a column for each test set and attack."""
    found = _matrix(rows)
    head = ["trained on", "network", *map(str, next(iter(found.values())))]
    lines = [[Path(name).stem, arch, *map(cell, line.values())] for (name, arch), line in found.items()]
    return [head, *lines]


def transfer_matrix(rows: Sequence[Row]) -> tuple[list[str], list[str], list[list[float]]]:
    """The same as numbers, means over seeds: the names of its lines, of its columns, and the accuracies."""
    found = _matrix(rows)
    names = [f"{Path(name).stem}, {arch}" for name, arch in found]
    tests = [str(test) for test in next(iter(found.values()))]
    means = [[statistics.fmean(row["accuracy"] for row in cell) for cell in line.values()] for line in found.values()]
    return names, tests, means


def _matrix(rows: Sequence[Row]) -> Mapping[tuple[str, str], Mapping[Tested, Sequence[Row]]]:
    """The rows of the seeds by training set and architecture, then by test set and attack."""
    found: dict[tuple[str, str], dict[Tested, list[Row]]] = {}
    for row in rows:
        line = found.setdefault((row["train_set"], row["architecture"]), {})
        line.setdefault(Tested(row["test_set"], row["attack"], row["norm"], row["eps"]), []).append(row)
    return found
