"""What a drawn figure shows, in words: the labelled lines, bars and points of its panels with their numbers."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 8
"""How many points of a line are told: all of them, or as many spread over it."""
Points = Sequence[tuple[float, float]]


def spoken(figure: "Figure") -> str:
    """The numbers of every panel; of a long line some, of a cloud of points their middle."""
    panels = [_panel(axes) for axes in figure.axes]
    return "; ".join(panel for panel in panels if panel) + "."


def _panel(axes: "Axes") -> str:
    title = axes.get_title() or axes.get_title(loc="left")
    names = " by ".join(name for name in (axes.get_ylabel(), axes.get_xlabel()) if name)
    head = ", ".join(part.replace("\n", " ") for part in (title, names) if part)
    told = [f"{label} {_told(axes, points)}" for label, points in _labelled(axes)] + _clouds(axes) + _matrix(axes)
    return f"{head}: {', '.join(told)}" if told else ""


def _labelled(axes: "Axes") -> Iterator[tuple[str, Points]]:
    """The points of each line and of each group of bars that has a label."""
    from matplotlib.container import BarContainer, ErrorbarContainer

    for line in axes.lines:
        if not str(line.get_label()).startswith("_"):
            yield str(line.get_label()), _points(line.get_xdata(), line.get_ydata())
    for container in axes.containers:
        if isinstance(container, ErrorbarContainer) and container.lines[0] is not None:
            line = container.lines[0]
            yield str(container.get_label()), _points(line.get_xdata(), line.get_ydata())
        elif isinstance(container, BarContainer):
            bars = [(bar.get_x() + bar.get_width() / 2, bar.get_height()) for bar in container.patches]
            yield str(container.get_label()), bars


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
    """What the nearest tick is called, where it is not further than a bar's width; else the number."""
    near = min(named, key=lambda tick: abs(tick - across), default=None)
    is_named = near is not None and abs(near - across) < 0.5 and not named[near].replace(".", "").isdigit()
    return named[near].replace("\n", " ") if is_named and near is not None and named[near] else f"{across:.3g}"


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
