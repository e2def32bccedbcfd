"""What each learner learns of each set, on a page."""

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from featsplit.engine.pages import again, verdicts
from featsplit.engine.results import Results
from featsplit.report.blocks import Block, Brief, Heading, Table, Text
from featsplit.report.cells import Cells, as_text, cell, column_name
from featsplit.report.intervals import accuracy
from featsplit.report.plots import BLUE, INK, ORANGE, Figured, drawn, plot
from featsplit.report.rows import picked
from featsplit.rows import Row
from featsplit.studies.li2023.claims import claims
from featsplit.studies.li2023.networks import LEARNERS, makers, match_set, rand_set
from featsplit.studies.li2023.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WHAT = (
    "D_R keeps of each image what an encoder represents; D_rand moves each image, hardly visibly, to a random class "
    "of the encoder, and labels it so. Fresh networks then learn of each set, by its labels or without them (SimCLR, "
    "with a linear head that is fitted by the set's labels), and are tested on the true test images. A feature that "
    "is useful to whoever learns would serve both. Li et al. 2023 (arXiv:2310.18936) report that non-robust features "
    "serve supervised networks and hardly others; their networks and images are larger, so numbers are not "
    "comparable, and the direction is what is stated."
)


def page(results: Results[Settings]) -> list[Block]:
    """The page of a run."""
    table = learners_table(results)
    return [
        Heading("What sets through an encoder teach, and whom", 1),
        Text(WHAT),
        Brief(as_text(table)),
        plot("learners", bars(results), "Clean accuracy on the true test images, with its interval."),
        Table(table, main=True),
        Heading("The encoders, and how far images were moved"),
        Table(made_table(results)),
        Heading("Statements"),
        *verdicts(claims(results)),
        *again(results),
    ]


def learners_table(results: Results[Settings]) -> Cells:
    """A line for each set and learner, a column for clean accuracy and each attack: with intervals."""
    rows = results.rows
    lines = [
        [title, learner, *(_cell(line) for line in _by_attack(rows, name, learner).values())]
        for name, title in _sets(results).items()
        for learner in LEARNERS
        if picked(rows, train_set=name, experiment=learner)
    ]
    head = list(_by_attack(rows, "source", LEARNERS[0]))
    return [["learned of", "learner", *head], *lines]


def made_table(results: Results[Settings]) -> Cells:
    """Of each encoder its accuracy, clean and attacked, and how often images moved to its classes are there."""
    lines = []
    for maker in makers(results.settings):
        network = maker.network
        own = picked(results.rows, train_set="source", training=network.training)
        own = [row for row in own if row["experiment"] != "construction"]
        moved = picked(results.rows, experiment="construction", test_set=rand_set(maker).name, split="train")
        cells = [cell(line) for line in _columns(own).values()]
        lines.append([maker.title, *cells, cell(moved)])
    head = list(_by_attack(results.rows, "source", LEARNERS[0]))
    return [["encoder", *head, "moved to their class"], *lines]


def bars(results: Results[Settings]) -> Figured:
    """Clean accuracies by set, a bar for each learner."""
    sets = _sets(results)

    def draw(figure: "Figure") -> None:
        axes: Any = figure.subplots()
        for place, (learner, colour) in enumerate(zip(LEARNERS, (BLUE, ORANGE), strict=True)):
            found = [
                accuracy(picked(results.rows, train_set=name, experiment=learner, test_set="source", attack="none"))
                for name in sets
            ]
            across = [number + 0.38 * (place - 0.5) for number in range(len(sets))]
            reach = [[one.value - one.low for one in found], [one.high - one.value for one in found]]
            axes.bar(across, [one.value for one in found], 0.36, yerr=reach, color=colour, label=learner, capsize=2)
        axes.axhline(results.chance, color=INK, linewidth=0.8, linestyle=":")
        axes.set_xticks(range(len(sets)), ["\n".join(wrap(title, 15)) for title in sets.values()], fontsize=8)
        axes.set(ylabel="accuracy")
        axes.legend(fontsize=9)

    return drawn(9, 3.6, draw)


def _sets(results: Results[Settings]) -> dict[str, str]:
    """The sets by their names, the source first, and what tables call them."""
    found = {"source": "the source"}
    for make in (match_set, rand_set):
        found |= {one.name: one.symbol for one in map(make, makers(results.settings))}
    return found


def _by_attack(rows: Sequence[Row], train_set: str, learner: str) -> dict[str, list[Row]]:
    return _columns(picked(rows, train_set=train_set, experiment=learner, test_set="source"))


def _columns(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of the seeds by attack, as a column is called."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(column_name(row["attack"], row["norm"], row["eps"]), []).append(row)
    return found


def _cell(rows: Sequence[Row]) -> str:
    return accuracy(rows).short()
