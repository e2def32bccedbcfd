"""What each learner learns of each set, on a page."""

from collections.abc import Sequence
from textwrap import wrap

from featsplit.engine.pages import Page, assembled, seeds_of
from featsplit.engine.results import Results
from featsplit.report.blocks import Block, Heading, Plot, Table, Text
from featsplit.report.cells import Cells, cell, column_name
from featsplit.report.charts import Chart, as_bars, measured
from featsplit.report.intervals import accuracy
from featsplit.report.rows import picked
from featsplit.rows import Row
from featsplit.studies.by_epoch import curves_of_files
from featsplit.studies.ilyas2019.images import SAYS, Made, gallery
from featsplit.studies.ilyas2019.stages import Place
from featsplit.studies.li2023.claims import claims
from featsplit.studies.li2023.networks import LEARNERS, made_sets, makers, match_set, rand_set
from featsplit.studies.li2023.settings import Settings

WHAT = (
    "D_R keeps of each image what an encoder represents; D_rand moves each image, hardly visibly, to a random class "
    "of the encoder, and labels it so. Fresh networks then learn of each set, by its labels or without them (SimCLR, "
    "with a linear head that is fitted by the set's labels), and are tested on the true test images. A feature that "
    "is useful to whoever learns would serve both. Li et al. 2023 (arXiv:2310.18936) report that non-robust features "
    "serve supervised networks and hardly others; their networks and images are larger, so numbers are not "
    "comparable, and the direction is what is stated."
)
CLEAN = (
    "Accuracy on the clean true test images, by what was learned of and by whom: means over seeds, lines 95 % "
    "intervals, rings the seeds."
)

HEADS = (
    "Every encoder predicts, one that learned without labels by the linear head that was fitted to it; the "
    "control of what the adversarially trained one made is the standard one."
)


def page(results: Results[Settings]) -> list[Block]:
    """The page of a run."""
    table = learners_table(results)
    return assembled(
        results,
        Page(
            "What sets through an encoder teach, and whom",
            _did(results),
            _found(results),
            table,
            figure=[bars(results)],
            pictures=images(results),
            claims=claims(results),
            sections=[
                Heading("What each learner learns"),
                Text(WHAT),
                Table(table, main=True),
                Heading("The encoders, and how far images were moved"),
                Table(made_table(results)),
                *curves_of_files(results),
            ],
        ),
    )


def _did(results: Results[Settings]) -> str:
    data = results.data
    assert data is not None
    titles = ", ".join(maker.title for maker in makers(results.settings))
    return (
        f"Of {data.name} ({data.train} training images in {len(data.classes)} classes) sets were made through encoders "
        f"({titles}), and of each a supervised and a self-supervised network learned, after Li et al. 2023 "
        f"(arXiv:2310.18936): {seeds_of(results)}."
    )


def _found(results: Results[Settings]) -> str:
    """What came out, in a sentence: D_rand of the standard network, of which most is stated, beside the source."""
    said = [
        f"{learner}, of {title} {cell(line)}"
        for name, title in _sets(results).items()
        if name in ("source", "rand-standard")
        for learner in LEARNERS
        if (line := picked(results.rows, train_set=name, experiment=learner, test_set="source", attack="none"))
    ]
    return f"The share of the clean true test images that a network predicts, by what it learned: {'; '.join(said)}."


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


def bars(results: Results[Settings]) -> Plot:
    """Clean accuracies by set, a bar for each learner."""
    series = {
        learner: {
            "\n".join(wrap(title, 12, break_long_words=False)): measured(line)
            for name, title in _sets(results).items()
            if (line := picked(results.rows, train_set=name, experiment=learner, test_set="source", attack="none"))
        }
        for learner in LEARNERS
    }
    return as_bars("learners", Chart(series, "accuracy", "learned of", results.chance, whole=True), CLEAN, width=9)


def images(results: Results[Settings]) -> list[Block]:
    """The images of the sets through each encoder, with what all encoders predict of them."""
    assert results.data is not None
    every = makers(results.settings)
    made = [Made(derived, every.index(maker)) for derived, maker in made_sets(every).items()]
    place, titles = Place(results.settings, results.seeds[0]), [maker.title for maker in every]
    return gallery(results.path, place, made, networks=titles, classes=results.data.classes, says=f"{SAYS} {HEADS}")


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
