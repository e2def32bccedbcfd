"""The plots of a run: who learned what, accuracy by epoch, by PGD steps, and transfer by architecture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from featsplit.metadata.derived_sets import DERIVED_SETS, FOUR
from featsplit.records.evaluation import ATTACKS
from featsplit.report.blocks import Drawing
from featsplit.report.cells import column_name
from featsplit.report.distances import Curve, curves
from featsplit.report.intervals import accuracy
from featsplit.report.plots import BLUE, INK, ORANGE, banded, drawn, reaches
from featsplit.report.rows import picked
from featsplit.rows import Row
from featsplit.studies.ilyas2019.claims import LABELS, transfer_points
from featsplit.studies.ilyas2019.rows import in_order
from featsplit.studies.ilyas2019.tables import title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def learned(rows: Sequence[Row], *, eps: float, chance: float) -> Drawing:
    """Four pairs of bars, with their intervals: what a normally trained network learns, clean and attacked at `eps`."""
    measured = picked(rows, experiment="main", test_set="source")
    attack, norm = next((row["attack"], row["norm"]) for row in measured if row["eps"] == eps)
    clean = [accuracy(picked(measured, train_set=name, attack="none")) for name in FOUR]
    attacked = [accuracy(picked(measured, train_set=name, eps=eps)) for name in FOUR]

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        for shift, found, colour, name in (
            (-0.2, clean, BLUE, "clean"),
            (0.2, attacked, ORANGE, column_name(attack, norm, eps)),
        ):
            heights, reach = [each.value for each in found], reaches(found)
            across, bars = [place + shift for place in range(4)], {"ecolor": INK, "capsize": 2, "elinewidth": 0.8}
            drawn_bars = axes.bar(across, heights, 0.38, yerr=reach, error_kw=bars, color=colour, label=name)
            axes.bar_label(drawn_bars, [f"{height:.2f}" for height in heights], fontsize=9, color=INK)
        axes.axhline(chance, color=INK, linewidth=0.8, linestyle=":", label="chance")
        axes.set(ylim=(0, 1.05), ylabel=f"accuracy on the test set, n {clean[0].n}")
        axes.set_xticks(range(4), [f"trained on\n{DERIVED_SETS[name].symbol}" for name in FOUR])
        axes.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.14))

    return drawn(7, 3.6, draw)


def by_epoch(rows: Sequence[Row]) -> Drawing:
    """Figure 10: accuracy on the perturbed set as it is trained on, and on the test set, epoch by epoch."""
    measured = picked(rows, experiment="epochs")
    seen = {row["train_set"] for row in measured}
    names = [name for name, one in DERIVED_SETS.items() if one.made_by.method == "perturb" and name in seen]

    def draw(figure: "Figure") -> None:
        panels: Any = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
        for axes, name in zip(panels, names, strict=True):
            lines = picked(measured, train_set=name)
            for split, colour, label in (("train", BLUE, "on the set itself"), (None, ORANGE, "on the test set")):
                line = picked(lines, split=split)
                epochs = sorted({row["epoch"] for row in line})
                banded(axes, {epoch: picked(line, epoch=epoch) for epoch in epochs}, colour)
                axes.lines[-1].set_label(label)
            axes.set(title=title_of(name), xlabel="epoch", ylim=(0, 1.02))
            axes.title.set_fontsize(10)
        panels[0].set_ylabel("accuracy")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=9)

    return drawn(2.4 * len(names) + 0.6, 3, draw)


def by_steps(rows: Sequence[Row]) -> Drawing:
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


def by_distance(rows: Sequence[Row]) -> Drawing:
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


def by_architecture(rows: Sequence[Row]) -> Drawing:
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
