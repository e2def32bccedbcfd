"""The part of the page on networks of two halves."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from featsplit.report.blocks import Block, Heading, Picture, Table, Text
from featsplit.report.cells import Cells
from featsplit.report.intervals import Interval, accuracy
from featsplit.report.plots import BLUE, ORANGE, Figured, drawn, each_seed, plot, reaches
from featsplit.studies.szegedy2014.halves.claims import NAMES
from featsplit.studies.szegedy2014.models.numbers import distorted, distortion
from featsplit.studies.szegedy2014.rows import SzegedyRow
from featsplit.studies.szegedy2014.statements import Run, pairs, read, shown_to

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = "Test images as each network of a half is to misread them, and with the distortion amplified; below, noise."
WHAT = (
    "FC100-100-10 and FC123-456-10 are trained on one half of the training images (P1), FC100-100-10' on the other "
    "(P2). Test images that all three predict rightly are distorted for each, and shown to the others: as found, and "
    "with each distortion stretched to the same rms. Stretched pixels may leave [0, 1], as in the paper; the last "
    "lines clip them."
)
STRETCHED = (
    "The paper prints the stretched image as x + .1 (x' - x) / |x' - x|, which is an rms of .1 / 28; its text and its "
    "numbers mean an rms of .1."
)
MOMENTS = ("as found", "amplified", "amplified, clipped")


def blocks(results: Run) -> list[Block]:
    """The part, or nothing where it was not measured."""
    if "halves" not in results.settings.experiments:
        return []
    return [
        Heading("Networks of two halves of the training set"),
        Text(WHAT),
        Table(error_table(results)),
        Table(cross_table(results), main=True),
        Text(STRETCHED),
    ]


def pictures(results: Run, folder: str) -> list[Block]:
    """What stands first on the page."""
    if "halves" not in results.settings.experiments:
        return []
    says = "The error of another network on images made for one, before and after the distortion is amplified."
    shown = f"{SHOWN} {distorted(results, NAMES, group='halves')}"
    return [Picture(f"{folder}/pictures/halves.png", shown), plot("halves", amplification(results), says)]


def _error(rows: Sequence[SzegedyRow]) -> Interval:
    return accuracy(rows).negative().moved(1.0)


def error_table(results: Run) -> Cells:
    """Table 3."""
    table = [["error of", "on P1", "on P2", "on test images", "distortion"]]
    for name in NAMES:
        errors = [_error(read(results, name, split, group="halves")) for split in ("P1", "P2", "test")]
        far = distortion(results, name, group="halves")
        table.append([name, *(f"{one.value:.4f}" for one in errors), far.short()])
    return table


def cross_table(results: Run) -> Cells:
    """Table 4."""
    table = [["made for", *NAMES]]
    size = results.settings.amplified
    for moment in MOMENTS:
        for made_for in NAMES:
            errors = [_error(shown_to(results, made_for, name, group="halves", moment=moment)) for name in NAMES]
            what = moment.replace("amplified", f"amplified to {size:g}")
            table.append([f"{made_for}, {what}", *(f"{one.value:.3f}" for one in errors)])
    for noise in results.settings.half_noise:
        errors = [_error(read(results, name, "test", group="halves", noise=noise)) for name in NAMES]
        table.append([f"noise {noise:g}", *(f"{one.value:.3f}" for one in errors)])
    return table


def amplification(results: Run) -> Figured:
    """Bars for each pair of networks, before and after."""

    def draw(figure: "Figure") -> None:
        axes, found = figure.add_subplot(), pairs(NAMES)
        for offset, (moment, colour) in enumerate((("as found", BLUE), ("amplified", ORANGE))):
            errors = [
                _error(shown_to(results, made_for, name, group="halves", moment=moment)) for made_for, name in found
            ]
            places = [place + 0.4 * offset - 0.2 for place in range(len(found))]
            heights = [one.value for one in errors]
            axes.bar(places, heights, 0.38, yerr=reaches(errors), color=colour, label=moment)
            rows = [shown_to(results, made_for, name, group="halves", moment=moment) for made_for, name in found]
            each_seed(axes, places, [[1 - row["accuracy"] for row in of] for of in rows], width=0.38)
        names = [f"{made_for}\nto {name}" for made_for, name in found]
        axes.set_xticks(range(len(found)), names, fontsize=7)
        axes.set(ylabel="error", ylim=(0, 1.02))
        figure.legend(loc="outside upper right", fontsize=9, ncols=2)

    return drawn(7.5, 3.4, draw)
