"""Published numbers, each with its band, and what a run has to set beside it."""

from collections.abc import Sequence
from typing import NamedTuple

from featsplit.report.cells import Cells
from featsplit.report.intervals import Interval, accuracy
from featsplit.report.rows import picked
from featsplit.rows import Row


class Published(NamedTuple):
    """A published number: its table, what it is of, its value and band, and the rows of a run that measure it.

    Accuracies in [0, 1]. `rate`: it is one less the accuracy of the rows.
    """

    table: str
    what: str
    value: float
    low: float
    high: float
    rows: Row
    rate: bool = False


class Compared(NamedTuple):
    """A published number beside the run's, which is None where it was not measured, and the verdict."""

    published: Published
    found: Interval | None
    verdict: str


def compared(rows: Sequence[Row], published: Sequence[Published], differences: Sequence[str]) -> list[Compared]:
    """Each published number with "pass", "off", "undecided", "not comparable" or "not measured".

    A number passes where its whole interval lies in the band, and is off where all of it lies outside. `differences`
    say in what the run is not of the published kind: then nothing is comparable.
    """
    result = []
    for number in published:
        measured: list[Row] = picked(rows, **number.rows)
        if not measured:
            result.append(Compared(number, None, "not measured"))
            continue
        found = accuracy(measured)
        found = found.negative().moved(1.0) if number.rate else found
        result.append(
            Compared(number, found, "not comparable" if differences else within(found, number.low, number.high))
        )
    return result


def within(found: Interval, low: float, high: float) -> str:
    """Whether the whole interval lies in the band ("pass"), all of it outside ("off"), or neither ("undecided")."""
    if low <= found.low and found.high <= high:
        return "pass"
    return "off" if found.high < low or found.low > high else "undecided"


def published_table(found: Sequence[Compared], paper: str = "the paper") -> Cells:
    """Every published number of `paper` in percent, with its band, beside the run's."""
    lines = []
    for number, interval, verdict in found:
        band = f"{100 * number.low:.1f} to {100 * number.high:.1f}"
        here = "{:.1f} ({:.1f} to {:.1f})".format(*(100 * value for value in interval[:3])) if interval else ""
        lines.append([number.what, number.table, f"{100 * number.value:.4g}", band, here, verdict])
    return [["in %", "table", paper, "band", "here", "verdict"], *lines]
