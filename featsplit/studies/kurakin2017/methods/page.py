"""Accuracy by eps, of the top 1 and the top k: the paper's Figure 2 as a plot and as numbers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from featsplit.engine.results import Results
from featsplit.report.blocks import Block, Heading, Table, Text
from featsplit.report.cells import Cells, cell, spread
from featsplit.report.intervals import Interval, accuracy
from featsplit.report.plots import BLUE, GREEN, ORANGE, RED, Figured, dots, drawn, plot, reaches
from featsplit.studies.kurakin2017.checks import NAMES
from featsplit.studies.kurakin2017.examples import METHODS, NOISE
from featsplit.studies.kurakin2017.methods.claims import mean, measured, sizes
from featsplit.studies.kurakin2017.rows import KurakinRow
from featsplit.studies.kurakin2017.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"fast": BLUE, "basic": ORANGE, "least-likely": GREEN, NOISE: RED}
WHAT = (
    "Fast: one step of eps along the sign of the gradient, clipped to [0, 1]. Basic: min(eps + 4, 1.25 eps) steps of "
    "1/255, each clipped to the eps-ball. Least likely: the same steps towards the class that the network finds least "
    "likely in the clean image. Noise: each component moved by eps, up or down by a coin. All sizes are in 255ths."
)
FIGURE_2 = (
    "Of Figure 2 (Inception v3, ImageNet) the paper's text says: the fast method halves the top-1 accuracy and takes "
    "40 points of the top-5 at the smallest eps, stays there until 32, and goes to 0 at 128; the basic method is "
    "better below 48 and then gets no further; the least-likely one destroys most already at small eps. The "
    "figure has no numbers, so none stands beside ours."
)


def blocks(results: Results[Settings]) -> list[Block]:
    """The tables of the experiment; its plot stands further up."""
    k = top_k_of(results)
    found: list[Block] = [Heading("Three methods by eps"), Text(WHAT), Table(table(results), main=True)]
    if k:
        found += [Text(f"The share of images whose label is among the top {k}:"), Table(top_k_table(results))]
    return [*found, Text(FIGURE_2)]


def plots(results: Results[Settings]) -> list[Block]:
    """Accuracy by eps."""
    k = top_k_of(results)
    says = "Accuracy by eps in linf; lines are 95 % intervals, rings the seeds" + (
        f"; dashed, the share of images with their label in the top {k}." if k else "."
    )
    return [plot("methods", curves(results), says)]


def found(results: Results[Settings]) -> str:
    """What came out, in a sentence: clean, and under each method at the largest eps."""
    largest = sizes(results)[-1]
    under = ", ".join(
        f"{NAMES[method]} {accuracy(measured(results.rows, method, largest))}" for method in (*METHODS, NOISE)
    )
    clean = accuracy(measured(results.rows, "none"))
    return f"Accuracy is {clean} on clean test images and, at linf {largest}/255, under {under}."


def top_k_of(results: Results[Settings]) -> int:
    """How many labels the top of a row has; 0 where it says nothing."""
    return int(measured(results.rows, "none")[0].get("top_k", 0))


def table(results: Results[Settings]) -> Cells:
    """A line for each method, a column for each eps."""
    lines = [
        [NAMES[method], *(cell(measured(results.rows, method, one), Interval.short) for one in sizes(results))]
        for method in (*METHODS, NOISE)
    ]
    clean = cell(measured(results.rows, "none"), Interval.short)
    return [[f"accuracy; clean {clean}", *(f"linf {one}/255" for one in sizes(results))], *lines]


def top_k_table(results: Results[Settings]) -> Cells:
    """The same of the top k; means over seeds, with their standard deviation."""
    lines = [
        [NAMES[method], *(_top_k(measured(results.rows, method, one)) for one in sizes(results))]
        for method in (*METHODS, NOISE)
    ]
    return [
        [
            f"in the top k; clean {_top_k(measured(results.rows, 'none'))}",
            *(f"linf {one}/255" for one in sizes(results)),
        ],
        *lines,
    ]


def _top_k(rows: Sequence[KurakinRow]) -> str:
    return spread([row["top_k_accuracy"] for row in rows])


def curves(results: Results[Settings]) -> Figured:
    """A curve for each method over eps, on a logarithmic axis."""
    eps, k = sizes(results), top_k_of(results)

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        for method in (*METHODS, NOISE):
            lines = [measured(results.rows, method, one) for one in eps]
            found = [accuracy(line) for line in lines]
            heights, ends = [one.value for one in found], reaches(found)
            axes.errorbar(eps, heights, ends, color=COLOURS[method], marker="o", markersize=4, label=NAMES[method])
            for place, line in zip(eps, lines, strict=True):
                dots(axes, place, [row["accuracy"] for row in line])
            if k:
                top = [sum(row["top_k_accuracy"] for row in line) / len(line) for line in lines]
                axes.plot(eps, top, color=COLOURS[method], linestyle="--", linewidth=1)
        axes.axhline(accuracy(measured(results.rows, "none")).value, color="#888888", linewidth=0.8)
        axes.set(xscale="log", xlabel="eps in linf, in 255ths", ylabel=f"accuracy, n {found[0].n}", ylim=(-0.02, 1.02))
        axes.set_xticks(eps, [str(one) for one in eps])
        axes.minorticks_off()
        figure.legend(loc="outside right upper", fontsize=9)

    return drawn(7, 3.6, draw)


def brief(results: Results[Settings]) -> Cells:
    """The accuracies alone, for a terminal."""
    lines = [
        [NAMES[method], *(f"{mean(measured(results.rows, method, one)):.3f}" for one in sizes(results))]
        for method in (*METHODS, NOISE)
    ]
    clean = f"{mean(measured(results.rows, 'none')):.3f}"
    return [[f"accuracy (clean {clean}), linf x 255", *map(str, sizes(results))], *lines]
