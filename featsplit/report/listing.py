"""Rows of `featsplit evaluate` as a table: a line for each."""

from collections.abc import Sequence
from pathlib import Path

from featsplit.data.places import is_derived
from featsplit.records.evaluation import ATTACKS
from featsplit.report.cells import Cells, cell
from featsplit.report.distances import Curve
from featsplit.report.intervals import Interval
from featsplit.report.rows import picked
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
        attack = [row["attack"], *("-" if value is None else _short(value) for value in values)]
        table.append([Path(row["model"]).stem, _tested(row), *attack, f"{row['n']}", _measured(row)])
    return table


def curves_of(rows: Sequence[Listed]) -> list[Curve]:
    """What is drawn of `rows`: a curve for each model, test set and search of distances, in the norm of the first."""
    whole = [row for row in rows if "distances" in row]
    whole = [row for row in whole if row["norm"] == whole[0]["norm"]]
    found = []
    for row in whole:
        of = picked(rows, model=row["model"], test_set=row["test_set"], split=row.get("split"), norm=row["norm"])
        points = [other for other in of if other["attack"] in ATTACKS and other["eps"] is not None]
        found.append(Curve(f"{Path(row['model']).stem}, {_tested(row)}, {row['attack']}", [row], points))
    return found


def _measured(row: Listed) -> str:
    """The accuracy; of a search of distances their median."""
    if "distances" not in row:
        return cell([row], Interval.short)
    return "distance infinite" if row["distance"] is None else f"distance {row['distance']:.3g}"


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else f"{value}"


def _tested(row: Listed) -> str:
    """Which images a row is of: its test set's test images, or as it says."""
    name, split = row["test_set"], row.get("split", "test")
    images, source = ("training" if split == "train" else split), row.get("images_of", name)
    if source != name:
        return f"{name}: the source's {images} images"
    return f"{name}: its own images" if is_derived(name) else name if split == "test" else f"{name}: {images} images"
