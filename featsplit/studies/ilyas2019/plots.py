"""The plots of a run: who learned what, accuracy by epoch, by PGD steps, and transfer by architecture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from featsplit.records.evaluation import ATTACKS
from featsplit.report.distances import Curve, curves
from featsplit.report.plots import BLUE, INK, ORANGE, Figured, banded, drawn
from featsplit.report.rows import picked
from featsplit.rows import Row
from featsplit.studies.ilyas2019.claims import LABELS, transfer_points
from featsplit.studies.ilyas2019.rows import in_order
from featsplit.studies.ilyas2019.tables import title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def by_steps(rows: Sequence[Row]) -> Figured:
    """Figure 8: accuracy of D_R's network against the number of PGD steps, for both losses."""
    measured = picked(rows, experiment="steps")

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        for loss, colour in (("cross-entropy", BLUE), ("margin", ORANGE)):
            line = picked(measured, loss=loss)
            counts = sorted({row["steps"] or 0 for row in line})
            banded(axes, {count: picked(line, steps=count) for count in counts}, colour)
            axes.lines[-1].set(label=loss, marker="o", markersize=4)
        one = measured[0]
        axes.set(xscale="log", xlabel="PGD steps", ylabel=f"accuracy at {one['norm']} {one['eps']:g}, n {one['n']}")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_ylim(bottom=0)
        axes.legend(title="loss")

    return drawn(6, 3, draw)


def by_distance(rows: Sequence[Row]) -> Figured:
    """The accuracy of each network at every eps, from its distances; PGD's and AutoAttack's as points on it."""
    whole = [row for row in in_order(picked(rows, experiment="distance")) if "distances" in row]
    seen = [row for row in rows if row["experiment"] in ("distance", "autoattack")]
    points = [row for row in picked(seen, norm=whole[0]["norm"]) if row["attack"] in ATTACKS]
    return curves(
        [
            Curve(
                title_of(*network),
                picked(whole, train_set=network[0], training=network[1]),
                picked(points, train_set=network[0], training=network[1], test_set="source"),
            )
            for network in dict.fromkeys((row["train_set"], row["training"]) for row in whole)
        ]
    )


def by_architecture(rows: Sequence[Row]) -> Figured:
    """Figures 3 and 13: how much each architecture learns from D_det, and how often it is fooled by transfer."""

    def draw(figure: "Figure") -> None:
        panels: Any = figure.subplots(1, 2)
        for axes, aim in zip(panels, LABELS, strict=True):
            points = transfer_points(rows, aim)
            axes.scatter([p[1] for p in points], [p[2] for p in points], color=BLUE)
            _named(axes, points)
            axes.set(title=aim, xlabel="accuracy when trained on D_det", ylabel="transfer rate")
            axes.title.set_fontsize(10)
            axes.margins(0.25)

    return drawn(8, 3.3, draw)


def _named(axes: "Axes", points: list[tuple[str, float, float]]) -> None:
    for name, across, up in points:
        axes.annotate(name, (across, up), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=9, color=INK)
