"""The temperatures as a table and a plot."""

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from featsplit.report.cells import Cells
from featsplit.report.intervals import accuracy
from featsplit.report.plots import BLUE, GREEN, INK, ORANGE, RED, Figured, drawn, each_seed
from featsplit.studies.carlini2017.cells import distance_cell
from featsplit.studies.carlini2017.distillation.claims import line, temperatures
from featsplit.studies.carlini2017.rows import CarliniRow
from featsplit.studies.carlini2017.statements import Line, mean_distance, success

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Write = Callable[[Line], str]


def _share(rows: Line) -> str:
    return f"{success(rows).value:.2f}" if rows else ""


def _accuracy(rows: Line) -> str:
    return f"{accuracy(rows).value:.3f}" if rows else ""


def _mean(values: Sequence[float], digits: int) -> str:
    return f"{fmean(values):.{digits}f}" if values else ""


ATTACK_LINES: tuple[tuple[str, tuple[str, str, str | None]], ...] = (
    ("error: fast method", ("fgsm", "linf", None)),
    ("error: iterative method", ("bim", "linf", None)),
    ("error: fast method on Z/T", ("fgsm, Z/T", "linf", None)),
    ("error: iterative method on Z/T", ("bim, Z/T", "linf", None)),
    ("reached: JSMA-F", ("jsma-f", "l0", "average")),
    ("reached: JSMA-Z", ("jsma-z", "l0", "average")),
    ("left: L-BFGS, cross-entropy of the label", ("lbfgs", "l2", "untargeted")),
    ("left: the same on Z/T", ("lbfgs, Z/T", "l2", "untargeted")),
    ("reached: L-BFGS, cross-entropy of the target", ("lbfgs", "l2", "average")),
    ("reached: C&W L2", ("carlini-wagner", "l2", "average")),
    ("reached: closest, linf", ("closest", "linf", "average")),
)
DISTANCE_LINES: tuple[tuple[str, tuple[str, str, str | None]], ...] = (
    ("l2: C&W", ("carlini-wagner", "l2", "average")),
    ("l2: closest", ("closest", "l2", "average")),
    ("linf: closest", ("closest", "linf", "average")),
    ("l0: sparse", ("sparse", "l0-pixels", "average")),
)


def temperatures_table(rows: Sequence[CarliniRow]) -> Cells:
    """A line for each thing that was measured, a column for each temperature."""
    found = temperatures(rows)
    clean: list[tuple[str, Write]] = [
        ("accuracy", _accuracy),
        ("logits, summed without sign", lambda of: _mean([row["logits"] for row in of], 0)),
        ("median margin", lambda of: _mean([row["margin"] for row in of], 1)),
        (
            "gradient of the cross-entropy exactly 0, as torch has it",
            lambda of: _mean([row["vanished"] for row in of], 2),
        ),
        ("the same, as the attacks have it", lambda of: _mean([row["vanished_stably"] for row in of], 2)),
    ]
    table = [["temperature", *(f"{temperature:g}" for temperature in found)]]
    table += [[name, *(write(line(rows, "none", None, one)) for one in found)] for name, write in clean]
    for lines, write in ((ATTACK_LINES, _share), (DISTANCE_LINES, distance_cell)):
        table += [[name, *(write(line(rows, *own[:2], one, own[2])) for one in found)] for name, own in lines]
    return table


def by_temperature(rows: Sequence[CarliniRow]) -> Figured:
    """What succeeds at each temperature; beside it the mean distance of the nearest images in l2."""
    found = temperatures(rows)
    shown = (
        ("fast method", ATTACK_LINES[0][1], RED, "-"),
        ("fast method on Z/T", ATTACK_LINES[2][1], RED, "--"),
        ("JSMA-F", ATTACK_LINES[4][1], ORANGE, "-"),
        ("L-BFGS", ATTACK_LINES[6][1], GREEN, "-"),
        ("C&W L2", ATTACK_LINES[9][1], BLUE, "-"),
    )

    def draw(figure: "Figure") -> None:
        panels: Any = figure.subplots(1, 2, width_ratios=(3, 2))
        left, right = panels
        for name, own, colour, style in shown:
            heights = [success(line(rows, *own[:2], one, own[2])).value for one in found]
            left.plot(found, heights, style, color=colour, marker="o", markersize=4, label=name)
            each_seed(
                left, found, [[1 - row["accuracy"] for row in line(rows, *own[:2], one, own[2])] for one in found]
            )
        left.set(xscale="log", xlabel="temperature", ylabel="share that succeeds", ylim=(-0.02, 1.05))
        for name, colour in (("carlini-wagner", BLUE), ("closest", INK)):
            far = [mean_distance(line(rows, name, "l2", one, "average")) for one in found]
            heights = [one.value if one else float("nan") for one in far]
            right.plot(found, heights, color=colour, marker="o", markersize=4, label=name)
            seeds = [[row["mean_distance"] for row in line(rows, name, "l2", one, "average")] for one in found]
            each_seed(right, found, seeds)
        right.set(xscale="log", xlabel="temperature", ylabel="mean l2 of the nearest", ylim=(0, None))
        right.legend(fontsize=9)
        figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=5, fontsize=9)

    return drawn(8, 3.4, draw)
