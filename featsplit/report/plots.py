"""The plots of a run as SVG text: who learned what, accuracy by epoch, by PGD steps, and transfer by architecture."""

import io
from collections.abc import Callable
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from featsplit.report.claims import transfer_points
from featsplit.report.intervals import Interval, accuracy
from featsplit.report.rows import SETS, Row, column_name, picked
from featsplit.report.tables import NAMES

INK = "#010203"
"""A colour that no plot uses; in the page it becomes that of the text, light or dark."""
BLUE, ORANGE, GREEN, RED = "#4c7fd0", "#d9822b", "#2f9e62", "#cc5450"
PERTURBED = ("rand", "det", "rand-control", "det-control", "det-bugs")
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "featsplit",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def drawn(width: float, height: float, draw: Callable[[Figure], None]) -> str:
    """What `draw` draws as SVG, with the text in the colour of the page around it; sizes in inches."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return buffer.getvalue().replace(INK, "currentColor")


def learned(rows: list[Row], *, eps: float, chance: float) -> str:
    """Four pairs of bars, with their intervals: what a normally trained network learns, clean and attacked at `eps`."""
    of = picked(rows, part="main", test_set="source")
    attack, norm = next((row["attack"], row["norm"]) for row in of if row["eps"] == eps)
    clean = [accuracy(picked(of, train_set=name, attack="none")) for name in SETS]
    attacked = [accuracy(picked(of, train_set=name, eps=eps)) for name in SETS]

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        for shift, found, colour, name in (
            (-0.2, clean, BLUE, "clean"),
            (0.2, attacked, ORANGE, column_name(attack, norm, eps)),
        ):
            heights, reach = [each.value for each in found], _reach(found)
            across, bars = [place + shift for place in range(4)], {"ecolor": INK, "capsize": 2, "elinewidth": 0.8}
            drawn_bars = axes.bar(across, heights, 0.38, yerr=reach, error_kw=bars, color=colour, label=name)
            axes.bar_label(drawn_bars, [f"{height:.2f}" for height in heights], fontsize=9, color=INK)
        axes.axhline(chance, color=INK, linewidth=0.8, linestyle=":", label="chance")
        axes.set(ylim=(0, 1.05), ylabel=f"accuracy on the test set, n {clean[0].n}")
        axes.set_xticks(range(4), [f"trained on\n{name}" for name in SETS.values()])
        axes.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.14))

    return drawn(7, 3.6, draw)


def _reach(found: list[Interval]) -> list[list[float]]:
    """How far each interval reaches, down and up, as matplotlib takes it."""
    down = [max(each.value - each.low, 0.0) for each in found]
    up = [max(each.high - each.value, 0.0) for each in found]
    return [down, up]


def _values(rows: list[Row], field: str) -> list[int]:
    return sorted({row[field] for row in rows})


def _banded(axes: Axes, by_place: dict[int, list[Row]], colour: str) -> None:
    """A curve of accuracies, with the band of their intervals."""
    found = [accuracy(rows) for rows in by_place.values()]
    axes.plot(list(by_place), [each.value for each in found], color=colour)
    low, high = [each.low for each in found], [each.high for each in found]
    axes.fill_between(list(by_place), low, high, color=colour, alpha=0.2, linewidth=0)


def by_epoch(rows: list[Row]) -> str:
    """Figure 10: accuracy on the perturbed set as it is trained on, and on the test set, epoch by epoch."""
    seen = {row["train_set"] for row in picked(rows, part="epochs")}
    names = {name: NAMES[name, "standard"] for name in PERTURBED if name in seen}

    def draw(figure: Figure) -> None:
        panels: Any = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
        for axes, (name, title) in zip(panels, names.items(), strict=True):
            of = picked(rows, part="epochs", train_set=name)
            for test, colour, label in (
                (f"{name}:train", BLUE, "on the set itself"),
                ("source", ORANGE, "on the test set"),
            ):
                own = [row for row in of if row["test_set"] == test]
                _banded(
                    axes, {epoch: picked(own, part="epochs", epoch=epoch) for epoch in _values(own, "epoch")}, colour
                )
                axes.lines[-1].set_label(label)
            axes.set(title=title, xlabel="epoch", ylim=(0, 1.02))
            axes.title.set_fontsize(10)
        panels[0].set_ylabel("accuracy")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=9)

    return drawn(2.4 * len(names) + 0.6, 3, draw)


def by_steps(rows: list[Row]) -> str:
    """Figure 8: accuracy of D_R's network against the number of PGD steps, for both losses."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        for loss, colour in (("cross-entropy", BLUE), ("margin", ORANGE)):
            own = picked(rows, part="steps", loss=loss)
            _banded(axes, {count: picked(own, part="steps", steps=count) for count in _values(own, "steps")}, colour)
            axes.lines[-1].set(label=loss, marker="o", markersize=4)
        one = picked(rows, part="steps")[0]
        axes.set(xscale="log", xlabel="PGD steps", ylabel=f"accuracy at {one['norm']} {one['eps']:g}, n {one['n']}")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_ylim(bottom=0)
        axes.legend(title="loss")

    return drawn(6, 3, draw)


def by_architecture(rows: list[Row]) -> str:
    """Figures 3 and 13: how much each architecture learns from D_det, and how often it is fooled by transfer."""

    def draw(figure: Figure) -> None:
        panels: Any = figure.subplots(1, 2)
        for axes, test, title in zip(
            panels, ("transferred", "transferred:next"), ("untargeted", "targeted"), strict=True
        ):
            points = transfer_points(rows, test)
            axes.scatter([p[1] for p in points], [p[2] for p in points], color=BLUE)
            _named(axes, points)
            axes.set(title=title, xlabel="accuracy when trained on D_det", ylabel="transfer rate")
            axes.title.set_fontsize(10)
            axes.margins(0.25)

    return drawn(8, 3.3, draw)


def _named(axes: Axes, points: list[tuple[str, float, float]]) -> None:
    for name, across, up in points:
        axes.annotate(name, (across, up), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=9, color=INK)


def heat_map(names: list[str], tests: list[str], cells: list[list[float]]) -> str:
    """A matrix of accuracies: what each training set (and network) is worth on each test set."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.imshow(cells, vmin=0, vmax=1, cmap="Blues", aspect="auto")
        for line, numbers in enumerate(cells):
            for column, value in enumerate(numbers):
                dark = "#ffffff" if value > 0.55 else "#111111"
                axes.text(column, line, f"{value:.2f}", ha="center", va="center", fontsize=9, color=dark)
        axes.set_xticks(range(len(tests)), tests, rotation=20, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.spines[:].set_visible(False)

    return drawn(2.5 + 1.1 * len(tests), 1 + 0.4 * len(names), draw)
