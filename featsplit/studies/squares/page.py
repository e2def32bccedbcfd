"""Accuracy by eps for the linear and the deep model, the deep one by epoch, and what each arm changes, on a page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from featsplit.engine.pages import Page, assembled, seeds_of
from featsplit.engine.results import Results
from featsplit.report.blocks import Block, Heading, Plot, Table, Text
from featsplit.report.cells import Cells, spread
from featsplit.report.charts import Chart, as_lines, measured
from featsplit.report.intervals import accuracy
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
SCALE = "eps are in linf, on the scale on which black is -1 and white 1."
EPOCHS = (
    f"The deep network as it learns: on its training labels, and on test squares moved by linf {SMALL:g}; first seed."
)
BY_EPS = (
    "Accuracy on the test squares by the size of the attack: bands are 95 % intervals over squares and seeds, rings "
    "the seeds; chance is one half."
)


def page(results: Results[Settings]) -> list[Block]:
    """The page of a run."""
    rows, table = results.rows, arms_table(results.rows)
    return assembled(
        results,
        Page(
            "Adversarial squares: the linear model against the deep one",
            _did(results),
            f"{_survive(rows)} {arms_in_words(rows)} {concluded(linear_and_deep(rows))}",
            table,
            figure=[by_eps(rows)],
            claims=linear_and_deep(rows),
            over=f"{results.settings.test} test squares",
            sections=[
                Heading("Every arm"),
                Text(SQUARES),
                Table(table, main=True, caption=SCALE),
                Heading("By the size of the attack", 3),
                Table(eps_table(rows), caption=SCALE),
                Heading("The deep network by epoch"),
                plot("by_epoch", by_epoch(rows), EPOCHS),
            ],
        ),
    )


def _did(results: Results[Settings]) -> str:
    settings = results.settings
    return (
        f"A linear model and a deep network learned to tell white squares from black ones, of {settings.train} "
        f"squares with a little noise, a tenth of their labels wrong, after Nakkiran 2019 "
        f"(distill.pub/2019/advex-bugs-discussion/response-5), and were attacked in linf: {seeds_of(results)}."
    )


def _survive(rows: Sequence[SquaresRow]) -> str:
    """What survives the small eps, in a sentence."""
    found = {arm: accuracy(picked(rows, experiment="grid", arm=arm, eps=SMALL)) for arm in ("linear", "deep")}
    linear, deep = found["linear"], found["deep"]
    return f"Of the test squares {linear} survive linf {SMALL:g} with the linear model, {deep} with the deep one."


def arms_table(rows: Sequence[SquaresRow]) -> Cells:
    """Each arm: how long it learned, what it fitted, and how it stands at the small eps and a large one."""
    head = ["arm", "epochs", "training labels fitted", "clean", f"linf {SMALL:g}", "after 1 epoch", "verdict"]
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
    text = f"At linf {SMALL:g} the linear model is {kind_of(rows, 'linear')} and the deep one {kind_of(rows, 'deep')}."
    return text + "".join(f" {kind.capitalize()}: {', '.join(found)}." for kind, found in kinds.items() if found)


def eps_table(rows: Sequence[SquaresRow]) -> Cells:
    """Accuracy by eps for every arm."""
    grid = picked(rows, experiment="grid")
    radii = list(dict.fromkeys(row["eps"] for row in grid))
    lines = [
        [arm, *(spread([row["accuracy"] for row in picked(grid, arm=arm, eps=eps)]) for eps in radii)]
        for arm in dict.fromkeys(row["arm"] for row in grid)
    ]
    return [["arm", *(f"linf {eps:g}" for eps in radii)], *lines]


def by_eps(rows: Sequence[SquaresRow]) -> Plot:
    """Accuracy of the linear and the deep model against eps."""
    grid = picked(rows, experiment="grid")
    radii = list(dict.fromkeys(row["eps"] or 0.0 for row in grid))
    series = {
        arm: {f"{eps:g}": measured(picked(grid, arm=arm, eps=eps)) for eps in radii if picked(grid, arm=arm, eps=eps)}
        for arm in ("linear", "deep")
    }
    chart = Chart(series, "accuracy on the test squares", "eps in linf; black is -1 and white 1", 0.5)
    return as_lines("by_eps", chart, BY_EPS, at=radii)


def by_epoch(rows: Sequence[SquaresRow]) -> Figured:
    """What the deep network fits and what survives, epoch by epoch, of the first seed."""
    of = picked(rows, experiment="epochs", arm="deep", eps=SMALL, seed=rows[0]["seed"])

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        epochs = [row["epoch"] for row in of]
        axes.plot(epochs, [row["train_accuracy"] for row in of], color=BLUE, label="training labels fitted")
        axes.plot(epochs, [row["accuracy"] for row in of], color=ORANGE, label=f"test squares at linf {SMALL:g}")
        axes.locator_params(axis="x", integer=True)
        axes.set(xlabel="epoch", ylabel="share", ylim=(-0.02, 1.05))
        axes.legend()

    return drawn(6, 3, draw)
