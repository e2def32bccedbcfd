"""What a drawn figure shows, in words: the labelled lines, bars and points of its panels with their numbers."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 8
"""How many points of a line are told: all of them, or as many spread over it."""
Points = Sequence[tuple[float, float]]


def spoken(figure: "Figure") -> str:
    """The numbers of every panel; of a long line some, of a cloud of points their middle."""
    by_colour = {colour: label for axes in figure.axes for label, colour, _ in _drawn(axes) if label}
    panels = [_panel(axes, by_colour) for axes in figure.axes]
    return "; ".join(panel for panel in panels if panel) + "."


def _panel(axes: "Axes", by_colour: dict[str, str]) -> str:
    """What a panel shows; what has no label in it is called as what has its colour in another."""
    title = axes.get_title() or axes.get_title(loc="left")
    names = " by ".join(name for name in (axes.get_ylabel(), axes.get_xlabel()) if name)
    head = ", ".join(part.replace("\n", " ") for part in (title, names) if part)
    drawn = [(label or by_colour.get(colour), points) for label, colour, points in _drawn(axes)]
    told = [f"{label} {_told(axes, points)}" for label, points in drawn if label]
    told += _clouds(axes) + _matrix(axes)
    return f"{head}: {', '.join(told)}" if told else ""


class _Shape(NamedTuple):
    """A line or a group of bars: its label, empty where it has none, its colour and its points."""

    label: str
    colour: str
    points: Points


def _drawn(axes: "Axes") -> Iterator[_Shape]:
    """The lines that have a label, and all with intervals, and all groups of bars."""
    from matplotlib.colors import to_hex
    from matplotlib.container import BarContainer, ErrorbarContainer

    for line in axes.lines:
        if label := _label(line.get_label()):
            yield _Shape(label, to_hex(line.get_color()), _points(line.get_xdata(), line.get_ydata()))
    for container in axes.containers:
        label = _label(container.get_label())
        if isinstance(container, ErrorbarContainer) and container.lines[0] is not None:
            line = container.lines[0]
            yield _Shape(label, to_hex(line.get_color()), _points(line.get_xdata(), line.get_ydata()))
        elif isinstance(container, BarContainer) and container.patches:
            bars = [(bar.get_x() + bar.get_width() / 2, bar.get_height()) for bar in container.patches]
            yield _Shape(label, to_hex(container.patches[0].get_facecolor()), bars)


def _label(label: object) -> str:
    """A label that was given; empty for one that matplotlib made up."""
    return "" if label is None or str(label).startswith("_") else str(label)


def _points(across: object, up: object) -> Points:
    pairs = zip(np.ravel(np.asarray(across)), np.ravel(np.asarray(up)), strict=True)
    return [(float(one), float(other)) for one, other in pairs]


def _told(axes: "Axes", points: Points) -> str:
    """Each point, by what the axis calls its place; of many some, spread over them."""
    if len(points) > MOST:
        points = [points[int(place)] for place in np.linspace(0, len(points) - 1, MOST)]
    if len({value for _, value in points}) == 1 and len(points) > 1:
        return f"{points[0][1]:.3g} everywhere"
    named = {
        float(tick): text.get_text() for tick, text in zip(axes.get_xticks(), axes.get_xticklabels(), strict=False)
    }
    return " ".join(f"({_place(named, across)}: {value:.3g})" for across, value in points)


def _place(named: dict[float, str], across: float) -> str:
    """What the nearest tick is called, where that is a name and not further than a bar's width; else the number."""
    near = min(named, key=lambda tick: abs(tick - across), default=None)
    if near is None or abs(near - across) >= 0.5 or not named[near] or _is_number(named[near]):
        return f"{across:.3g}"
    return named[near].replace("\n", " ")


def _is_number(text: str) -> bool:
    """Whether matplotlib wrote a number as `text`: with its own minus, or as a power."""
    try:
        float(text.replace("\u2212", "-"))
    except ValueError:
        return "$" in text
    return True


def _clouds(axes: "Axes") -> list[str]:
    """Points without a line: each by the text beside it, if each has one, else how many and their middle."""
    from matplotlib.collections import PathCollection

    found = []
    for cloud in axes.collections:
        points = np.asarray(cloud.get_offsets(), dtype=float)
        if isinstance(cloud, PathCollection) and len(points):
            named = len(points) == len(axes.texts)
            names = (
                [text.get_text() for text in axes.texts]
                if named
                else [f"{cloud.get_label()} {len(points)} points around"]
            )
            shown = points if named else points.mean(axis=0, keepdims=True)
            found += [f"{name} ({across:.3g}, {up:.3g})" for name, (across, up) in zip(names, shown, strict=True)]
    return found


def _matrix(axes: "Axes") -> list[str]:
    """Of an image whose lines and columns have names the numbers in it; of another one its size."""
    if not axes.images:
        return []
    cells = np.asarray(axes.images[0].get_array(), dtype=float)
    names, columns = ([text.get_text() for text in of] for of in (axes.get_yticklabels(), axes.get_xticklabels()))
    if cells.shape != (len(names), len(columns)):
        return [f"an image of {cells.shape[1]} x {cells.shape[0]}"]
    return [
        f"{name} {' '.join(f'({column}: {value:.3g})' for column, value in zip(columns, line, strict=True))}"
        for name, line in zip(names, cells, strict=True)
    ]
