"""Accuracies at every eps, from the distances that rows keep: as numbers, and as curves."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from featsplit.outcomes import unpacked_numbers
from featsplit.report.intervals import accuracy
from featsplit.report.plots import BLUE, GREEN, INK, ORANGE, RED, Figured, drawn
from featsplit.report.rows import picked
from featsplit.rows import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (INK, BLUE, ORANGE, RED, GREEN, "#8a63c9", "#2a9d9d", "#b5651d")
MARKERS = {"fgsm": "v", "bim": "^", "least-likely": "s", "pgd": "o", "autoattack": "x"}
SHOWN = 0.98
"""The share of the images whose distances a curve shows."""


class Curve(NamedTuple):
    """What is drawn for a network: its `name`, its rows with distances, one a seed, and those under other attacks."""

    name: str
    distances: Sequence[Row]
    points: Sequence[Row] = ()


def curves(found: Sequence[Curve]) -> Figured:
    """The accuracy of each network at every eps, by its distances; its accuracies under attacks as points."""
    first = found[0].distances[0]

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        for number, curve in enumerate(found):
            _draw(axes, curve, COLOURS[number % len(COLOURS)])
        furthest = max(quantile(curve.distances, SHOWN) for curve in found) or 1.0
        axes.set(xlim=(0, furthest * 1.05), ylim=(0, 1.02))
        axes.set(xlabel=f"eps ({first['norm']})", ylabel=f"accuracy, n {first['n']}")
        axes.legend(fontsize=9)

    return drawn(7, 3.8, draw)


def _draw(axes: "Axes", curve: Curve, colour: str) -> None:
    eps, held = accuracy_by_eps(curve.distances)
    axes.step([*eps, eps[-1] + 100], [*held, held[-1]], where="post", color=colour, label=curve.name)
    for attack in dict.fromkeys(row["attack"] for row in curve.points):
        of = picked(curve.points, attack=attack)
        for radius in sorted({row["eps"] or 0.0 for row in of}):
            height = accuracy(picked(of, eps=radius)).value
            axes.plot([radius], [height], MARKERS.get(attack, "."), color=colour, markersize=5)


def accuracy_by_eps(rows: Sequence[Row]) -> tuple[list[float], list[float]]:
    """At which eps the mean accuracy of `rows`, one a seed, falls, ascending from 0, and to what; as a step function.

    An image is right below its distance; so the last accuracy is the share for which no adversarial image was found.
    """
    distances = np.concatenate([unpacked_numbers(row["distances"]) for row in rows])
    finite = np.sort(distances[np.isfinite(distances)])
    eps = np.unique(np.concatenate([[0.0], finite]))
    held = 1 - np.searchsorted(finite, eps, side="right") / len(distances)
    return eps.tolist(), held.tolist()


def quantile(rows: Sequence[Row], share: float) -> float:
    """The distance that this `share` of the images do not pass, of those for which one was found; 0 where none was."""
    distances = np.concatenate([unpacked_numbers(row["distances"]) for row in rows])
    finite = distances[np.isfinite(distances)]
    return float(np.quantile(finite, share)) if len(finite) else 0.0
