"""Accuracy by eps for the linear and the deep model, the deep one by epoch, and what each arm changes, on a page."""

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from featsplit.engine.pages import again
from featsplit.engine.results import Results
from featsplit.report.blocks import Block, Brief, Heading, Table, Text
from featsplit.report.cells import Cells, as_text, spread
from featsplit.report.known import concluded
from featsplit.report.plots import BLUE, ORANGE, Figured, drawn, plot
from featsplit.report.rows import picked
from featsplit.studies.squares.claims import kind_of, linear_and_deep
from featsplit.studies.squares.rows import SquaresRow
from featsplit.studies.squares.settings import SMALL, Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SQUARES = (
    "Squares of one colour with a little noise on each pixel; a tenth of the training labels is wrong (Nakkiran 2019). "
    "Only the colour can be learned, and it is robust: a linear model uses it. A deep network that also fits the wrong "
    "labels must use the noise of each image, and then a change of the noise, far smaller than the colour, decides: "
    "its adversarial examples are bugs, and no feature of the data. Test squares are scored by their colour."
)


def page(results: Results[Settings]) -> list[Block]:
    """The page of a run."""
    rows = results.rows
    table, verdict, words = arms_table(rows), concluded(linear_and_deep(rows)), arms_in_words(rows)
    says = f"The deep network as it learns: on its training labels, and on test squares moved by {SMALL:g}."
    return [
        Heading("Adversarial squares: the linear model against the deep one", 1),
        Text(SQUARES),
        Text(words),
        Text(verdict),
        *(Brief(text) for text in (as_text(table), words, verdict)),
        plot(
            "by_eps",
            by_eps(rows),
            "Accuracy on the test squares by the size of the attack (linf; black is -1 and white 1).",
        ),
        Table(table, main=True),
        Heading("The deep network by epoch"),
        plot("by_epoch", by_epoch(rows), says),
        Heading("By the size of the attack", 3),
        Table(eps_table(rows)),
        *again(results),
    ]


def arms_table(rows: Sequence[SquaresRow]) -> Cells:
    """Each arm: how long it learned, what it fitted, and how it stands at the small eps and a large one."""
    head = ["arm", "epochs", "training labels fitted", "clean", f"eps {SMALL:g}", "after 1 epoch", "verdict"]
    table = [head]
    for arm in dict.fromkeys(row["arm"] for row in rows):
        last = {eps: picked(rows, arm=arm, experiment="grid", eps=eps) for eps in (0.0, SMALL)}
        first = picked(rows, arm=arm, experiment="epochs", epoch=1, eps=SMALL)
        cells = [
            spread([row["epoch"] for row in last[0.0]], digits=0),
            spread([row["train_accuracy"] for row in last[0.0]]),
            *(spread([row["accuracy"] for row in of]) for of in (last[0.0], last[SMALL], first)),
        ]
        table.append([arm, *cells, kind_of(rows, arm)])
    return table


def arms_in_words(rows: Sequence[SquaresRow]) -> str:
    """Which arms are robust, in words."""
    arms = [arm for arm in dict.fromkeys(row["arm"] for row in rows) if arm not in ("linear", "deep")]
    kinds = {kind: [arm for arm in arms if kind_of(rows, arm) == kind] for kind in ("robust", "brittle", "between")}
    text = f"At eps {SMALL:g} the linear model is {kind_of(rows, 'linear')} and the deep one {kind_of(rows, 'deep')}."
    return text + "".join(f" {kind.capitalize()}: {', '.join(found)}." for kind, found in kinds.items() if found)


def eps_table(rows: Sequence[SquaresRow]) -> Cells:
    """Accuracy by eps for every arm."""
    grid = picked(rows, experiment="grid")
    radii = list(dict.fromkeys(row["eps"] for row in grid))
    lines = [
        [arm, *(spread([row["accuracy"] for row in picked(grid, arm=arm, eps=eps)]) for eps in radii)]
        for arm in dict.fromkeys(row["arm"] for row in grid)
    ]
    return [["arm", *(f"{eps:g}" for eps in radii)], *lines]


def by_eps(rows: Sequence[SquaresRow]) -> Figured:
    """Accuracy of the linear and the deep model against eps."""

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        for arm, colour in (("linear", BLUE), ("deep", ORANGE)):
            of = picked(rows, experiment="grid", arm=arm)
            radii = list(dict.fromkeys(row["eps"] or 0.0 for row in of))
            heights = [
                statistics.fmean(row["accuracy"] for row in picked(of, experiment="grid", eps=eps)) for eps in radii
            ]
            axes.plot(radii, heights, color=colour, marker="o", markersize=4, label=arm)
        axes.set(xlabel="eps (linf)", ylabel="accuracy", ylim=(-0.02, 1.05))
        axes.legend()

    return drawn(6, 3, draw)


def by_epoch(rows: Sequence[SquaresRow]) -> Figured:
    """What the deep network fits and what survives, epoch by epoch, of the first seed."""
    of = picked(rows, experiment="epochs", arm="deep", eps=SMALL, seed=rows[0]["seed"])

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        epochs = [row["epoch"] for row in of]
        axes.plot(epochs, [row["train_accuracy"] for row in of], color=BLUE, label="training labels fitted")
        axes.plot(epochs, [row["accuracy"] for row in of], color=ORANGE, label=f"test squares at eps {SMALL:g}")
        axes.set(xlabel="epoch", ylabel="share", ylim=(-0.02, 1.05))
        axes.legend()

    return drawn(6, 3, draw)
