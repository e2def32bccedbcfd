"""The accuracies of a run as lines: of each network, under each attack, on the test images of the source."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from featsplit.report.cells import column_name
from featsplit.rows import Row


class Line(NamedTuple):
    """The network, by what it learned of, and the attack, as a column is called."""

    network: str
    attack: str


def lines_of(rows: Sequence[Row]) -> dict[Line, list[Row]]:
    """The rows of each line, those of the experiment "main" where there are any; one a seed, unless they are many."""
    of = [row for row in rows if row.get("test_set") == "source" and not row.get("labels") and not row.get("split")]
    of = [row for row in of if row.get("attack") and "accuracy" in row and "epoch" not in row]
    found: dict[Line, list[Row]] = {}
    for row in [row for row in of if row.get("experiment") == "main"] or of:
        line = Line(_name(row), column_name(row["attack"], row["norm"], row["eps"]))
        found.setdefault(line, []).append(row)
    return found


def is_plain(rows: Sequence[Row]) -> bool:
    """Whether there is one row for each seed."""
    return len({row["seed"] for row in rows}) == len(rows)


def _name(row: Row) -> str:
    """What the network of a row learned, how, what for, and which it is."""
    parts = [
        "the source" if row["train_set"] == "source" else Path(row["train_set"]).stem,
        row["training"] if row["train_set"] == "source" else "",
        "" if row.get("experiment") in (None, "main") else row["experiment"],
        row.get("architecture", ""),
    ]
    return ", ".join(part for part in parts if part)
