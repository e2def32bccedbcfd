"""metadata.csv: every column of a set but the images, a line an image, all numbers written exactly."""

import csv
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from featsplit.data.shards import Columns

TABLE, FILE_NAME = "metadata.csv", "file_name"
Value = int | float | bool | str
Line = tuple[Value, ...]


@dataclass(frozen=True)
class Table:
    """A metadata.csv that is being written to `file`, a few lines at a time, with the columns `names`."""

    file: TextIO
    names: Sequence[str]

    def add(self, first: Sequence[str], columns: Columns) -> None:
        """A line for each of the `first` cells, with the values of the `columns` behind it."""
        writer = csv.writer(self.file, lineterminator="\n")
        writer.writerows((cell, *line) for cell, line in zip(first, lines_of(columns, self.names), strict=True))


@contextmanager
def table_in(folder: Path, first: str, names: Sequence[str]) -> Iterator[Table]:
    """The metadata.csv of `folder`, open for writing: a column `first`, then the columns `names`."""
    with (folder / TABLE).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerow((first, *names))
        yield Table(file, names)


def lines_of(columns: Columns, names: Sequence[str]) -> Iterator[Line]:
    """The values of the columns `names`, row by row, as Python's own numbers: no digit is lost."""
    return zip(*(columns[name].tolist() for name in names), strict=True)


def as_json(names: Sequence[str], line: Line) -> str:
    """A line as a JSON object. JSON has no infinity: it is 1e999, which every reader takes for one; NaN is null."""
    return (
        "{" + ", ".join(f"{json.dumps(name)}: {_value(value)}" for name, value in zip(names, line, strict=True)) + "}"
    )


def _value(value: Value) -> str:
    if isinstance(value, float) and math.isnan(value):
        return "null"
    if isinstance(value, float) and math.isinf(value):
        return "1e999" if value > 0 else "-1e999"
    return json.dumps(value)
