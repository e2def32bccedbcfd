"""The matrix of sets and architectures, on a page."""

import statistics
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from featsplit.engine.pages import Page, assembled, seeds_of
from featsplit.engine.results import Results
from featsplit.metadata.models import ModelMetadata
from featsplit.report.blocks import Block, Heading, Plot, Table, Text
from featsplit.report.cells import Cells, cell, column_name, count
from featsplit.report.charts import Chart, Measured, as_bars, measured
from featsplit.report.intervals import accuracy
from featsplit.report.plots import heat_map, plot
from featsplit.report.rows import picked
from featsplit.rows import Row
from featsplit.studies.by_epoch import curves_of_files
from featsplit.studies.set_transfer.settings import Settings

TRANSFER = (
    "Each architecture is trained on each set as usual, and tested on the original test images: what it learns is what "
    "the set is worth to it. A set that was made of the test split is tested on too."
)
WORTH = "Accuracy of each network on each test set: means over seeds, lines 95 % intervals, rings the seeds."


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
    matrix = plot("matrix", heat_map(*transfer_matrix(results.rows)), "The same as a matrix: means over seeds.")
    return assembled(
        results,
        Page(
            "What each set is worth to each architecture",
            _did(results),
            _found(results.rows),
            table,
            figure=[bars(results), matrix],
            over=f"{count(picked(results.rows, test_set='source'))} test images",
            sections=[
                Heading("What each set is worth"),
                Text(TRANSFER),
                Table(table, main=True),
                *curves_of_files(results, _called),
            ],
        ),
    )


def _called(_: Path, metadata: ModelMetadata) -> str:
    """A network, by what it learned of and its architecture."""
    return f"{Path(metadata.trained_on or '').stem}, {metadata.arch}"


def _did(results: Results[Settings]) -> str:
    found = _matrix(results.rows)
    sets, archs = ({pair[place] for pair in found} for place in (0, 1))
    names = ", ".join(sorted(Path(name).stem for name in sets))
    return (
        f"{_counted(archs, 'architecture')} ({', '.join(sorted(archs))}) learned {'each of ' if len(sets) > 1 else ''}"
        f"{_counted(sets, 'training set')} ({names}) as usual, and was tested on the original test images: "
        f"{seeds_of(results)}."
    )


def _counted(names: Collection[str], what: str) -> str:
    return f"{len(names)} {what}{'' if len(names) == 1 else 's'}"


def _found(rows: Sequence[Row]) -> str:
    """The best and the worst accuracy in the first column, in a sentence."""
    found = _matrix(rows)
    column = next(iter(next(iter(found.values()))))
    by_pair = {pair: accuracy(line[column]) for pair, line in found.items()}
    best, worst = (end(by_pair, key=lambda pair: by_pair[pair].value) for end in (max, min))
    told = [f"{by_pair[pair]} ({Path(pair[0]).stem}, {pair[1]})" for pair in (worst, best)]
    return f"The accuracy on {column} is {told[0] if len(by_pair) == 1 else f'from {told[0]} to {told[1]}'}."


def bars(results: Results[Settings]) -> Plot:
    """Each accuracy as a bar, by training set and architecture."""
    series: dict[str, dict[str, Measured]] = {}
    for (name, arch), line in _matrix(results.rows).items():
        for test, rows in line.items():
            series.setdefault(f"{test}", {})[f"{Path(name).stem}, {arch}"] = measured(rows)
    places = len(next(iter(series.values())))
    chart = Chart(series, "accuracy", "trained on, architecture", results.chance if results.data else None)
    return as_bars("worth", chart, WORTH, width=min(10.5, max(8.0, 0.9 * places)))


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
