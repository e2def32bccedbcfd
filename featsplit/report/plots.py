"""Plots as SVG text: how they look, and what several of them draw alike."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from featsplit.report.blocks import Plot
from featsplit.report.intervals import Interval, accuracy
from featsplit.report.spoken import spoken
from featsplit.rows import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#010203"
"""A colour that no plot uses; in the page it becomes that of the text, light or dark."""
BLUE, ORANGE, GREEN, RED = "#4c7fd0", "#d9822b", "#2f9e62", "#cc5450"
BARS = (BLUE, "#e8b86d", ORANGE, "#b5481d", "#8a63c9", GREEN, "#2a9d9d")
"""Of bars side by side: clean, then eps by eps darker."""
LINES = (BLUE, ORANGE, GREEN, RED, "#8a63c9", "#2a9d9d", "#b5651d", INK)
"""Of lines that cross."""
RING: Any = {"markersize": 3, "markeredgewidth": 0.7, "markerfacecolor": "none", "markeredgecolor": INK}
"""What the number of a seed looks like beside its mean."""
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


class Drawn(NamedTuple):
    """A figure as SVG, with the text in the colour of the page around it, and its numbers in words."""

    svg: str
    words: str


@dataclass(frozen=True)
class Figured:
    """What `draw` draws, of a `width` and a `height` in inches. It is drawn, once, when it is asked for."""

    width: float
    height: float
    draw: "Callable[[Figure], None]"

    def __call__(self) -> str:
        """As SVG."""
        return self._drawn.svg

    def in_words(self) -> str:
        """Its numbers."""
        return self._drawn.words

    @cached_property
    def _drawn(self) -> Drawn:
        return _drawn(self)


def drawn(width: float, height: float, draw: "Callable[[Figure], None]") -> Figured:
    """What `draw` draws, with the text in the colour of the page around it; sizes in inches.

    It is drawn, once, when it is asked for.
    """
    return Figured(width, height, draw)


def plot(stem: str, figure: Figured, says: str) -> Plot:
    """The plot called `stem`, which `says` this below it, and its numbers to who cannot see it."""
    return Plot(stem, figure, says, figure.in_words)


def _drawn(figured: Figured) -> Drawn:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(figured.width, figured.height), layout="constrained")
        figured.draw(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return Drawn(buffer.getvalue().replace(INK, "currentColor"), spoken(figure))


def reaches(intervals: Sequence[Interval]) -> list[list[float]]:
    """How far each interval reaches, down and up, as matplotlib takes it."""
    down = [max(each.value - each.low, 0.0) for each in intervals]
    up = [max(each.high - each.value, 0.0) for each in intervals]
    return [down, up]


def dots(axes: "Axes", place: float, seeds: Sequence[float], *, width: float = 0.0) -> None:
    """A small ring for the number of each of the `seeds`, around `place` on the axis; none where there is but one.

    They are spread over half of `width`, that of a bar.
    """
    count = len(seeds)
    if count > 1:
        across = [place + width * (number / (count - 1) - 0.5) / 2 for number in range(count)]
        axes.plot(across, list(seeds), "o", zorder=4, **RING)


def each_seed(
    axes: "Axes", places: Sequence[float], seeds: Sequence[Sequence[float | None]], *, width: float = 0.0
) -> None:
    """The `dots` of several places, each with the numbers of its `seeds`; None where a seed has none."""
    for place, numbers in zip(places, seeds, strict=True):
        dots(axes, place, [number for number in numbers if number is not None], width=width)


def banded(axes: "Axes", by_place: Mapping[int, Sequence[Row]], colour: str) -> None:
    """A curve of accuracies with the band of their intervals, and of several seeds a thin line each."""
    found = [accuracy(rows) for rows in by_place.values()]
    seeds = list(dict.fromkeys(row["seed"] for rows in by_place.values() for row in rows))
    for seed in seeds if len(seeds) > 1 else ():
        own = {place: row["accuracy"] for place, rows in by_place.items() for row in rows if row["seed"] == seed}
        axes.plot(list(own), list(own.values()), color=colour, linewidth=0.6, alpha=0.6)
    axes.plot(list(by_place), [each.value for each in found], color=colour)
    low, high = [each.low for each in found], [each.high for each in found]
    axes.fill_between(list(by_place), low, high, color=colour, alpha=0.2, linewidth=0)


class Panel(NamedTuple):
    """A matrix of accuracies: its `title`, the `names` of its lines and of its `columns`, and the `cells`."""

    names: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[float]]
    title: str = ""


def heat_map(names: list[str], tests: list[str], cells: list[list[float]]) -> Figured:
    """A matrix of accuracies: what each training set (and network) is worth on each test set."""
    return heat_maps([Panel(names, tests, cells)], 2.5 + 1.1 * len(tests), rotation=20)


def heat_maps(panels: Sequence[Panel], width: float, *, rotation: float = 0) -> Figured:
    """Matrices of accuracies, one below the other; the names of columns are turned by `rotation` degrees."""

    def draw(figure: "Figure") -> None:
        for axes, panel in zip(figure.subplots(len(panels), 1, squeeze=False)[:, 0], panels, strict=True):
            _heat(axes, panel)
            side = "right" if rotation else "center"
            axes.set_xticks(range(len(panel.columns)), panel.columns, rotation=rotation, ha=side, parse_math=False)
            axes.set_title(panel.title, fontsize=10, loc="left")

    lines = sum(len(panel.names) for panel in panels)
    return drawn(width, 0.4 * lines + 1.0 * len(panels), draw)


def _heat(axes: "Axes", panel: Panel) -> None:
    axes.imshow(panel.cells, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    for line, numbers in enumerate(panel.cells):
        for column, value in enumerate(numbers):
            dark = "#ffffff" if value > 0.55 else "#111111"
            axes.text(column, line, f"{value:.2f}", ha="center", va="center", fontsize=9, color=dark)
    axes.set_yticks(range(len(panel.names)), panel.names, parse_math=False)
    axes.spines[:].set_visible(False)
