"""Charts: numbers with their intervals and what each seed gave, as bars, as lines, and as words for who cannot see."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from featsplit.report.blocks import Drawing, Plot
from featsplit.report.intervals import Interval, accuracy
from featsplit.report.plots import BARS, INK, LINES, dots, drawn, reaches
from featsplit.rows import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NARROW, ERRORS = 0.38, {"ecolor": INK, "capsize": 2, "elinewidth": 0.8}
LABELLED, MOST = 4, 40
"""Up to how many series of bars, and bars, have their numbers above them."""
UPRIGHT = 9
"""Up to how many places have their names upright, in lines."""
ROOM = 0.06
"""The part of an axis of numbers that a name takes."""


class Measured(NamedTuple):
    """A mean with its interval, and the number of each seed."""

    value: Interval
    seeds: tuple[float, ...] = ()


@dataclass(frozen=True)
class Chart:
    """What was measured: by what a `series` is called, and there by the place on the axis; a place may be missing.

    `up` says what the numbers are, `across` what the places are; `whole`: their axis goes to 1. `bound` is drawn as a
    dotted line called `bound_name`.
    """

    series: Mapping[str, Mapping[str, Measured]]
    up: str
    across: str = ""
    bound: float | None = None
    bound_name: str = "chance"
    whole: bool = False

    @property
    def places(self) -> list[str]:
        """All places, in the order in which they come."""
        return list(dict.fromkeys(place for of in self.series.values() for place in of))

    def in_words(self) -> str:
        """Every number, with its interval, by place and series."""
        lines = [f"{place}: {self._at(place)}" for place in self.places]
        bound = [] if self.bound is None else [f"{self.bound_name} {self.bound:.3g}"]
        return "; ".join([*lines, *bound]) + "."

    def _at(self, place: str) -> str:
        there = {name: of[place].value for name, of in self.series.items() if place in of}
        alone = len(self.series) == 1
        return ", ".join(f"{value}" if alone else f"{name} {value}" for name, value in there.items())


def within(one: Measured, low: float, high: float = math.inf) -> Measured:
    """The same where what is measured cannot be less than `low` or more than `high`: nor can its interval."""
    value = one.value
    return one._replace(value=value._replace(low=max(value.low, low), high=min(value.high, high)))


def measured(rows: Sequence[Row]) -> Measured:
    """The accuracy of `rows`, one a seed."""
    return Measured(accuracy(rows), tuple(row["accuracy"] for row in rows))


def as_bars(stem: str, chart: Chart, says: str, *, width: float = 8.0, height: float = 3.8) -> Plot:
    """The `chart` as a plot called `stem`: at each place a bar for each series; `says` is the caption."""

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        for number, name in enumerate(chart.series):
            _bars(axes, chart, name, number)
        _finish(axes, chart)
        many = len(chart.places) > UPRIGHT
        names = [place if many else place.replace(", ", "\n") for place in chart.places]
        axes.set_xticks(range(len(names)), names, rotation=35 if many else 0, ha="right" if many else "center")
        axes.set_xlim(-0.5, len(chart.places) - 0.5)
        if len(chart.series) > 1 or chart.bound is not None:
            figure.legend(loc="outside upper center", ncols=min(5, len(chart.series) + 1), fontsize=9)

    return _plot(stem, drawn(width, height, draw), chart, says)


def _bars(axes: "Axes", chart: Chart, name: str, number: int) -> None:
    found, many = chart.series[name], len(chart.series)
    width = 2 * NARROW / many
    shift = (number - (many - 1) / 2) * width
    across = [chart.places.index(place) + shift for place in found]
    values = [one.value for one in found.values()]
    colour = BARS[number % len(BARS)]
    heights = [value.value for value in values]
    axes.bar(across, heights, 0.92 * width, yerr=reaches(values), error_kw=ERRORS, color=colour, label=name)
    for place, one in zip(across, found.values(), strict=True):
        dots(axes, place, one.seeds, width=width)
        if many <= LABELLED and many * len(chart.places) <= MOST:
            top = max(end for end in (one.value.value, one.value.high, *one.seeds) if math.isfinite(end))
            _number(axes, (place, top), f"{one.value.value:.2f}", upright=many > 2)


def _number(axes: "Axes", at: tuple[float, float], text: str, *, upright: bool) -> None:
    """A number above a bar, `upright` where the bar is narrow."""
    size, turned = (7.5, 90) if upright else (9, 0)
    style: Any = {"fontsize": size, "rotation": turned, "color": INK, "ha": "center", "va": "bottom"}
    axes.annotate(text, at, xytext=(0, 3), textcoords="offset points", **style)


def as_lines(
    stem: str, chart: Chart, says: str, *, at: Sequence[float] | None = None, width: float = 8.0, height: float = 3.6
) -> Plot:
    """The `chart` as a plot called `stem`: a line with a band for each series, over its places.

    The places lie `at` these numbers, or side by side; `says` is the caption.
    """
    numbers = dict(zip(chart.places, at or range(len(chart.places)), strict=True))

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        for number, (name, found) in enumerate(chart.series.items()):
            _line(axes, [numbers[place] for place in found], list(found.values()), name, number)
        _finish(axes, chart)
        axes.set_xticks(list(numbers.values()), apart(numbers))
        figure.legend(loc="outside right upper", fontsize=9)

    return _plot(stem, drawn(width, height, draw), chart, says)


def apart(numbers: Mapping[str, float]) -> list[str]:
    """The names of places that lie at these `numbers`, left empty where the name before is too near to read both."""
    room = ROOM * (max(numbers.values()) - min(numbers.values()))
    shown, last = dict.fromkeys(numbers, ""), -math.inf
    for name, number in sorted(numbers.items(), key=lambda one: one[1]):
        if number - last >= room:
            shown[name], last = name, number
    return list(shown.values())


def _line(axes: "Axes", across: Sequence[float], found: Sequence[Measured], name: str, number: int) -> None:
    colour, values = LINES[number % len(LINES)], [one.value for one in found]
    axes.plot(across, [value.value for value in values], color=colour, marker="o", markersize=4, label=name)
    low, high = [value.low for value in values], [value.high for value in values]
    axes.fill_between(across, low, high, color=colour, alpha=0.15, linewidth=0)
    for place, one in zip(across, found, strict=True):
        dots(axes, place, one.seeds)


def _finish(axes: "Axes", chart: Chart) -> None:
    axes.set_ylabel(chart.up)
    axes.set_xlabel(chart.across)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    if chart.whole:
        axes.set_ylim(top=max(1.03, axes.get_ylim()[1]))
    if chart.bound is not None:
        axes.axhline(chart.bound, color=INK, linewidth=1, linestyle=":", label=chart.bound_name)


def _plot(stem: str, drawing: Drawing, chart: Chart, says: str) -> Plot:
    return Plot(stem, drawing, says, chart.in_words)
