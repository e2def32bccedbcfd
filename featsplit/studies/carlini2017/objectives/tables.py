"""The objectives in their boxes as tables, and c as a plot."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from featsplit.attacks.carlini_wagner_l2 import BOXES
from featsplit.attacks.seven_objectives import OBJECTIVES
from featsplit.outcomes import unpacked_numbers
from featsplit.report.cells import Cells, spread
from featsplit.report.plots import BLUE, ORANGE, Figured, drawn, each_seed
from featsplit.studies.carlini2017.cells import distance_cell
from featsplit.studies.carlini2017.objectives.claims import at_constants, least_constants, line
from featsplit.studies.carlini2017.rows import CarliniRow
from featsplit.studies.carlini2017.statements import distances, mean_distance, success

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def objectives_table(rows: Sequence[CarliniRow], case: str) -> Cells:
    """Table III: mean distance and, where not all, the share that was reached; a column for each box."""
    found = [name for name in OBJECTIVES if line(rows, name, "tanh", case)]
    return [
        [f"l2, {case} case", *BOXES],
        *([name, *(distance_cell(line(rows, name, box, case)) for box in BOXES)] for name in found),
    ]


def constants_table(rows: Sequence[CarliniRow]) -> Cells:
    """The least c that wins, and how near the distance at it is to the best of all c; the straightness of the way."""
    table = [["objective", "log10 of the least c", "within 5 % of the best", "within 30 %"]]
    for objective in ("f6", "f4"):
        whole, lines = least_constants(rows, objective), at_constants(rows, objective)
        if whole:
            least = np.concatenate([unpacked_numbers(row["least"]) for row in whole])
            ratios = _ratios(list(lines.values()))
            shares = [f"{np.mean(ratios <= limit):.2f}" if len(ratios) else "" for limit in (1.05, 1.3)]
            finite = least[np.isfinite(least)]
            table.append([objective, f"{np.log10(finite).mean():.2f}" if len(finite) else "none won", *shares])
    return table


def _ratios(lines: Sequence[Sequence[CarliniRow]]) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    """Of each image that was won: the distance at the least c that won by the least distance at any."""
    found = np.stack([np.concatenate(distances(line)) for line in lines])
    won = np.isfinite(found)
    first = found[won.argmax(axis=0), np.arange(found.shape[1])]
    some = won.any(axis=0)
    ratios: np.ndarray[tuple[int], np.dtype[np.float32]] = first[some] / found[:, some].min(axis=0)
    return ratios


def slopes_in_words(rows: Sequence[CarliniRow]) -> str:
    """How straight the target's logit rises, and how the slope of its probability does."""
    whole = [row for row in least_constants(rows, "f6") if "straight" in row]
    if not whole:
        return ""
    straight = [float(unpacked_numbers(row["straight"]).mean()) for row in whole]
    start, end = (float(np.median([row[which] for row in whole])) for which in ("slope_at_start", "slope_at_end"))
    return (
        f"On the way from an image to the adversarial one the target's logit correlates with the place by "
        f"{spread(straight)} (the paper: above 0.9). Its probability, which f2 to f4 go by, has a gradient of length "
        f"2^{np.log2(max(start, 1e-45)):.0f} at the image and 2^{np.log2(max(end, 1e-45)):.0f} at the end (the paper: "
        "2^-20 and 2^-1): a c that moves the image at the start is far too large later on."
    )


def by_constant(rows: Sequence[CarliniRow]) -> Figured:
    """Figure 2: the share that is reached and the mean distance by c, of f6."""
    lines = at_constants(rows, "f6")

    def draw(figure: "Figure") -> None:
        axes: Any = figure.add_subplot()
        axes.plot([*lines], [success(line).value for line in lines.values()], color=BLUE, marker="o", label="reached")
        each_seed(axes, [*lines], [[1 - row["accuracy"] for row in line] for line in lines.values()])
        axes.set(xscale="log", xlabel="c", ylabel="share reached", ylim=(0, 1.05))
        beside = axes.twinx()
        far = {constant: found.value for constant, line in lines.items() if (found := mean_distance(line))}
        beside.plot([*far], [*far.values()], color=ORANGE, marker="s", label="mean l2 of these")
        each_seed(beside, [*lines], [[row["mean_distance"] for row in line] for line in lines.values()])
        beside.set(ylabel="mean l2", ylim=(0, None))
        figure.legend(loc="outside upper center", ncols=2, fontsize=9)

    return drawn(6, 3, draw)
