"""The accuracies of a run as lines: of each network, under each attack, on the test images of the source."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from featsplit.metadata.derived_sets import DERIVED_SETS
from featsplit.report.cells import column_name
from featsplit.rows import Row


class Line(NamedTuple):
    """The network, by what it learned of, and the attack, as a column is called."""

    network: str
    attack: str


def lines_of(rows: Sequence[Row]) -> dict[Line, list[Row]]:
    """The rows of each line, those of the experiment "main" where there are any: one a seed, unless `is_plain` denies.

    Networks of the source come first, then those of derived sets in their order. What has no eps, such as a search for
    the nearest image, is not under an attack of a size, and left out.
    """
    of = [row for row in rows if row.get("test_set") == "source" and not row.get("labels") and not row.get("split")]
    of = [row for row in of if _is_sized(row) and "accuracy" in row and "epoch" not in row]
    of = sorted([row for row in of if row.get("experiment") == "main"] or of, key=_rank)
    several = len({row.get("architecture") for row in of}) > 1
    found: dict[Line, list[Row]] = {}
    for row in of:
        line = Line(_name(row, architecture=several), column_name(row["attack"], row["norm"], row["eps"]))
        found.setdefault(line, []).append(row)
    return found


def is_plain(rows: Sequence[Row]) -> bool:
    """Whether there is one row for each seed."""
    return len({row["seed"] for row in rows}) == len(rows)


def _is_sized(row: Row) -> bool:
    """Whether a row is of clean images, or of an attack at an eps."""
    return row.get("attack") == "none" or (bool(row.get("attack")) and row.get("eps") is not None)


def _rank(row: Row) -> tuple[int, str, bool]:
    """Where the network of a row stands: of the source a standard one before the adversarially trained one."""
    name, known = Path(row["train_set"]).stem, list(DERIVED_SETS)
    place = -1 if name == "source" else known.index(name) if name in known else len(known)
    return place, "" if name in known else name, row["training"] != "standard"


def _name(row: Row, *, architecture: bool) -> str:
    """What the network of a row learned, how, what for, and if asked its architecture."""
    name, source = Path(row["train_set"]).stem, row["train_set"] == "source"
    parts = [
        "D" if source else DERIVED_SETS[name].symbol if name in DERIVED_SETS else name,
        f"{row['training']} training" if source else "",
        "" if row.get("experiment") in (None, "main") else row["experiment"],
        row.get("architecture", "") if architecture else "",
    ]
    return ", ".join(part for part in parts if part)
