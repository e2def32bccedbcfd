"""The part of the page that tells of the fast method on softmax regression and maxout."""

from typing import TYPE_CHECKING

from featsplit.engine.results import Results
from featsplit.report.blocks import Block, Heading, Table, Text
from featsplit.report.plots import BLUE, ORANGE, Figured, drawn, each_seed, plot
from featsplit.studies.goodfellow2015.networks import by_size
from featsplit.studies.goodfellow2015.rows import FREE_NOISE, UNCLIPPED
from featsplit.studies.goodfellow2015.settings import Settings
from featsplit.studies.goodfellow2015.statements import error, of
from featsplit.studies.goodfellow2015.tables import AT_EPS, CLEAN, errors_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WHAT = (
    "Errors on test images x + eps sign(grad J) and, in brackets, how sure the network is of its mistakes: the mean "
    "probability of the class that it predicts. The paper does not speak of clipping; both are here. Noise is eps "
    "times a random sign in each pixel: as large, and not aimed. Unclipped noise is no image either; on black images "
    "clipping takes half of it away."
)
LOOKS = {UNCLIPPED: "-", "fgsm": "--", FREE_NOISE: ":"}
COLOURS = {"softmax": ORANGE, "maxout": BLUE}


def section(results: Results[Settings]) -> list[Block]:
    """What came out of the fast method."""
    settings = results.settings
    names = ["softmax", "maxout"]
    names += [one.name for one in by_size(settings)] if "linear" in settings.experiments else []
    table = errors_table(results.rows, names, settings.eps, (CLEAN, *AT_EPS), head=f"error at linf {settings.eps:g}")
    return [
        Heading("The fast gradient sign method, and how sure the mistakes are"),
        plot("fast-by-eps", by_eps(results), "Error by eps: not clipped, dashed in [0, 1], dotted under noise."),
        Text(WHAT),
        Table(table),
    ]


def by_eps(results: Results[Settings]) -> Figured:
    """The errors of both networks by eps."""

    def draw(figure: "Figure") -> None:
        axes, at = figure.add_subplot(), results.settings.at()
        for name, colour in COLOURS.items():
            for attack, look in LOOKS.items():
                lines = [of(results.rows, name), *(of(results.rows, name, attack, eps) for eps in at)]
                label = name if attack == UNCLIPPED else None
                axes.plot([0.0, *at], [error(line).value for line in lines], look, color=colour, label=label)
                each_seed(axes, [0.0, *at], [[1 - row["accuracy"] for row in line] for line in lines])
        axes.set(xlabel="eps in linf", ylabel="error on test images", ylim=(0, 1.02))
        axes.legend(fontsize=9)

    return drawn(6, 3.2, draw)
