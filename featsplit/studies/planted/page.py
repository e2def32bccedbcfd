"""What each set keeps of either component as the non-robust one grows, on a page."""

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from featsplit.engine.pages import again
from featsplit.engine.results import Results
from featsplit.metadata.derived_sets import DERIVED_SETS, FOUR
from featsplit.report.blocks import Block, Brief, Heading, Table, Text
from featsplit.report.cells import Cells, as_text, spread
from featsplit.report.known import concluded
from featsplit.report.plots import BLUE, INK, ORANGE, Figured, drawn, plot
from featsplit.report.rows import picked
from featsplit.studies.ilyas2019.tables import title_of
from featsplit.studies.planted.claims import claims
from featsplit.studies.planted.rows import SweptRow
from featsplit.studies.planted.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLANTED = (
    "Images made of a robust component (each pixel moved far, slow patterns, red and green) and a non-robust one (each "
    "pixel moved little, fast patterns, blue), with a pattern for each class, so the split has a right answer. What a "
    "set keeps of each component's class signal is read off by matched filters, not by a network: 1 is all that the "
    "source has, 0 nothing; below 0 the set points to other classes. As the non-robust component outgrows the "
    "adversary's eps it becomes robust."
)


def page(results: Results[Settings]) -> list[Block]:
    """The page of a run."""
    rows, adversary = results.rows, results.settings.adversary()
    table, verdict = survival_table(rows), concluded(claims(results))
    says = f"The adversary may move an image by {adversary.eps:g} ({adversary.norm})."
    limit = adversary.eps if adversary.norm == "linf" else None
    if limit:
        says += " A component that moves no pixel further than that (left of the dotted line) is not robust."
    return [
        Heading("Planted truth: what survives in each set", 1),
        Text(PLANTED),
        Text(verdict),
        Brief(as_text(table)),
        Brief(verdict),
        plot("planted", survival(rows, limit), says),
        Table(table, main=True),
        *again(results),
    ]


def survival_table(rows: Sequence[SweptRow]) -> Cells:
    """A line for each set and component, a column for each amplitude of the non-robust component."""
    own = picked(rows, experiment="planted")
    amplitudes = list(dict.fromkeys(row["amplitude"] for row in own))
    table = [["set keeps of", "component", *(f"amplitude {amplitude:g}" for amplitude in amplitudes)]]
    for name in dict.fromkeys(row["train_set"] for row in own):
        for component in ("robust", "nonrobust"):
            of = picked(own, train_set=name, component=component)
            shares = [[row["kept"] for row in of if row["amplitude"] == amplitude] for amplitude in amplitudes]
            table.append([title_of(name), component, *map(spread, shares)])
    return table


def survival(rows: Sequence[SweptRow], limit: float | None) -> Figured:
    """The shares kept of each component against the amplitude of the non-robust one, a panel for each set.

    `limit` is the amplitude above which a component is robust, where that is known.
    """
    own = picked(rows, experiment="planted")

    def draw(figure: "Figure") -> None:
        panels: Any = figure.subplots(1, len(FOUR), sharex=True, sharey=True, squeeze=False)[0]
        for axes, name in zip(panels, FOUR, strict=True):
            for component, colour in (("robust", BLUE), ("nonrobust", ORANGE)):
                of = picked(own, train_set=name, component=component)
                amplitudes = list(dict.fromkeys(row["amplitude"] for row in of))
                heights = [
                    statistics.fmean(row["kept"] for row in of if row["amplitude"] == amplitude)
                    for amplitude in amplitudes
                ]
                axes.plot(amplitudes, heights, color=colour, marker="o", markersize=4, label=component)
            if limit:
                axes.axvline(limit, color=INK, linewidth=0.8, linestyle=":")
            axes.set(title=DERIVED_SETS[name].symbol, xlabel="amplitude of the\nnon-robust component")
            axes.title.set_fontsize(10)
        panels[0].set_ylabel("share of the class signal kept")
        panels[0].legend(fontsize=9)

    return drawn(9, 3, draw)
