"""Published numbers, each with its band, and what a run has to set beside it: shares, and distances."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from featsplit.outcomes import unpacked_numbers
from featsplit.report.cells import Cells
from featsplit.report.intervals import Interval, accuracy, mean_of
from featsplit.report.rows import picked
from featsplit.rows import Row


class Published(NamedTuple):
    """A published number: its table, what it is of, its value and band, and the rows of a run that measure it.

    Accuracies in [0, 1]. `rate`: it is one less the accuracy of the rows; `distance`: it is the mean of the distances
    of the rows, over the images for which one was found.
    """

    table: str
    what: str
    value: float
    low: float
    high: float
    rows: Row
    rate: bool = False
    distance: bool = False


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
        found = _measured(measured, number)
        if found is None:
            result.append(Compared(number, None, "none found"))
            continue
        result.append(
            Compared(number, found, "not comparable" if differences else within(found, number.low, number.high))
        )
    return result


def _measured(rows: Sequence[Row], number: Published) -> Interval | None:
    """What the rows say of the `number`; None of a distance where none was found."""
    if number.distance:
        distances = [unpacked_numbers(row["distances"]) for row in rows]
        found = [own[np.isfinite(own)] for own in distances]
        return mean_of([own for own in found if len(own)]) if any(map(len, found)) else None
    found_share = accuracy(rows)
    return found_share.negative().moved(1.0) if number.rate else found_share


def within(found: Interval, low: float, high: float) -> str:
    """Whether the whole interval lies in the band ("pass"), all of it outside ("off"), or neither ("undecided")."""
    if low <= found.low and found.high <= high:
        return "pass"
    return "off" if found.high < low or found.low > high else "undecided"


def published_table(found: Sequence[Compared], paper: str = "the paper") -> Cells:
    """Every published number of `paper` in percent, with its band, beside the run's; distances as they are."""
    lines = []
    for number, interval, verdict in found:
        scale, form = (1, "{:.3g}") if number.distance else (100, "{:.1f}")
        band = " to ".join(form.format(scale * end) for end in (number.low, number.high))
        here = f"{form} ({form} to {form})".format(*(scale * value for value in interval[:3])) if interval else ""
        lines.append([number.what, number.table, f"{scale * number.value:.4g}", band, here, verdict])
    distances = any(number.distance for number, _, _ in found)
    return [["distances, shares in %" if distances else "in %", "table", paper, "band", "here", "verdict"], *lines]
