"""Plots as SVG text: how they look, and what several of them draw alike."""

import io
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from featsplit.report.blocks import Drawing
from featsplit.report.intervals import Interval, accuracy
from featsplit.rows import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#010203"
"""A colour that no plot uses; in the page it becomes that of the text, light or dark."""
BLUE, ORANGE, GREEN, RED = "#4c7fd0", "#d9822b", "#2f9e62", "#cc5450"
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


def drawn(width: float, height: float, draw: "Callable[[Figure], None]") -> Drawing:
    """What `draw` draws, with the text in the colour of the page around it; sizes in inches.

    It is drawn, once, when it is asked for.
    """
    return cache(partial(_svg, width, height, draw))


def _svg(width: float, height: float, draw: "Callable[[Figure], None]") -> str:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return buffer.getvalue().replace(INK, "currentColor")


def reaches(intervals: Sequence[Interval]) -> list[list[float]]:
    """How far each interval reaches, down and up, as matplotlib takes it."""
    down = [max(each.value - each.low, 0.0) for each in intervals]
    up = [max(each.high - each.value, 0.0) for each in intervals]
    return [down, up]


def banded(axes: "Axes", by_place: Mapping[int, Sequence[Row]], colour: str) -> None:
    """A curve of accuracies, with the band of their intervals."""
    found = [accuracy(rows) for rows in by_place.values()]
    axes.plot(list(by_place), [each.value for each in found], color=colour)
    low, high = [each.low for each in found], [each.high for each in found]
    axes.fill_between(list(by_place), low, high, color=colour, alpha=0.2, linewidth=0)


def heat_map(names: list[str], tests: list[str], cells: list[list[float]]) -> Drawing:
    """A matrix of accuracies: what each training set (and network) is worth on each test set."""

    def draw(figure: "Figure") -> None:
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
