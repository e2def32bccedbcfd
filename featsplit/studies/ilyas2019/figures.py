"""What stands first on the page of a run: all networks at every eps, as bars and as curves; by epoch; by class."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from featsplit.engine.results import Results
from featsplit.outcomes import unpacked
from featsplit.report.blocks import Block, Folded, Plot, Table, Text
from featsplit.report.cells import Cells, column_name
from featsplit.report.charts import Chart, Measured, as_bars, as_lines, measured
from featsplit.report.plots import Panel, heat_maps
from featsplit.report.rows import picked
from featsplit.rows import Row
from featsplit.studies.by_epoch import EXPERIMENT, training_curves
from featsplit.studies.ilyas2019.claims import telling_eps
from featsplit.studies.ilyas2019.rows import in_order
from featsplit.studies.ilyas2019.settings import Settings
from featsplit.studies.ilyas2019.tables import title_of

Network = tuple[str, str]
"""What a network was trained on, and how."""
MANY = 20
"""Up to how many classes a picture shows all; of more, half as many that a network knows best and worst."""
SHORT = 3
"""Letters up to which the name of a class stands upright."""
HEADLINE = (
    "Accuracy of each network on the true test images, clean and under attack: bars are means over seeds, lines 95 % "
    "intervals, rings the seeds."
)
CURVES = "The same by eps: a line for each network, 95 % intervals as bands, rings for the seeds."
BY_CLASS = "Accuracy by class of the true test images, means over seeds."
ABSENT = "Classes without test images are left out: {}."


def networks(rows: Sequence[Row]) -> dict[Network, list[Row]]:
    """The rows of each network on the true test images, in the order in which they are shown."""
    of = in_order(picked(rows, experiment="main", test_set="source"))
    found: dict[Network, list[Row]] = {}
    for row in of:
        found.setdefault((row["train_set"], row["training"]), []).append(row)
    return found


def headline(rows: Sequence[Row], chance: float) -> Plot:
    """All networks, clean and at every eps; `chance` is drawn beside them."""
    by_network = networks(rows)
    attacks = dict.fromkeys((row["attack"], row["norm"], row["eps"]) for of in by_network.values() for row in of)
    series = {
        column_name(*attack): {
            title_of(*network): measured(found)
            for network, of in by_network.items()
            if (found := picked(of, attack=attack[0], norm=attack[1], eps=attack[2]))
        }
        for attack in attacks
    }
    across = f"trained on; n {next(iter(next(iter(series.values())).values())).value.n} test images"
    return as_bars("learned", Chart(series, "accuracy", across, chance, whole=True), HEADLINE, width=9)


def by_eps(results: Results[Settings]) -> Plot:
    """The same as a curve for each network."""
    by_network, series = networks(results.rows), dict[str, dict[str, Measured]]()
    radii = sorted({row["eps"] or 0.0 for of in by_network.values() for row in of})
    for network, of in by_network.items():
        lines = {f"{eps:g}": [row for row in of if (row["eps"] or 0.0) == eps] for eps in radii}
        series[title_of(*network)] = {eps: measured(line) for eps, line in lines.items() if line}
    attack, norm = next((row["attack"], row["norm"]) for of in by_network.values() for row in of if row["eps"])
    chart = Chart(
        series, "accuracy on the test images", f"eps of {attack} in {norm}; 0 is clean", results.chance, whole=True
    )
    return as_lines("eps", chart, CURVES, at=radii)


def training(results: Results[Settings]) -> list[Block]:
    """The accuracies of every network by epoch; nothing where none was trained by the run."""
    by_epoch = in_order(picked(results.rows, experiment=EXPERIMENT))
    attacked = picked(by_epoch, attack="pgd")[:1]
    how = {"norm": attacked[0]["norm"], "eps": attacked[0]["eps"]} if attacked else {"eps": telling_eps(results.rows)}
    last = picked([row for row in results.rows if row["experiment"] in ("main", "noise")], test_set="source", **how)
    return training_curves(_by_title(by_epoch), _by_title(last))


def _by_title(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(title_of(row["train_set"], row["training"]), []).append(row)
    return found


def by_class(results: Results[Settings]) -> list[Block]:
    """The accuracy of each network on each class, clean and at the telling eps, as a picture and in a table."""
    labels, data = results.test_labels(), results.data
    if labels is None or data is None:
        return [Text("Accuracy by class: not there, since this run did not keep the labels of its test images.")]
    eps, there = telling_eps(results.rows), np.unique(labels)
    panels = []
    for radius in (None, eps):
        found = {
            title_of(*network): _of_classes(of, labels)
            for network, rows in networks(results.rows).items()
            if (of := picked(rows, eps=radius, images=data.images))
        }
        if found:
            attack = next(row for rows in networks(results.rows).values() for row in rows if row["eps"] == radius)
            title = column_name(attack["attack"], attack["norm"], attack["eps"])
            names = [data.classes[label] for label in there]
            panels.append(Panel(list(found), names, list(found.values()), title))
    if not panels:
        return [Text("Accuracy by class: not there, since no network was tested on all test images.")]
    shown = [_few(panel) for panel in panels]
    longest = max(map(len, data.classes))
    absent = [name for label, name in enumerate(data.classes) if label not in there]
    drawing = heat_maps(shown, 2.2 + 0.62 * len(shown[0].columns), rotation=30 if longest > SHORT else 0)
    return [
        Plot("classes", drawing, BY_CLASS, partial(_in_words, panels)),
        *([Text(ABSENT.format(", ".join(absent)))] if absent else []),
        Folded("Accuracy by class, in numbers", [Table(_cells(panel), caption=panel.title) for panel in panels]),
    ]


def _of_classes(rows: Sequence[Row], labels: np.ndarray) -> list[float]:
    """The share of each class among the `labels`, in order, that is predicted rightly: the mean over `rows`' seeds."""
    right = np.mean([unpacked(row["outcomes"], row["n"]) for row in rows], axis=0)
    return [float(right[labels == label].mean()) for label in np.unique(labels)]


def _few(panel: Panel) -> Panel:
    """The classes that the first network knows worst and best, where there are many."""
    if len(panel.columns) <= MANY:
        return panel
    order = np.argsort(panel.cells[0], kind="stable")
    kept = [*order[: MANY // 2], *order[-MANY // 2 :]]
    cells = [[line[column] for column in kept] for line in panel.cells]
    return Panel(panel.names, [panel.columns[column] for column in kept], cells, f"{panel.title}: worst, and best")


def _in_words(panels: Sequence[Panel]) -> str:
    return " ".join(map(_extremes, panels))


def _extremes(panel: Panel) -> str:
    """Of each network the class that it knows worst, and best."""
    said = []
    for name, cells in zip(panel.names, panel.cells, strict=True):
        low, high = int(np.argmin(cells)), int(np.argmax(cells))
        ends = [f"{panel.columns[at]} {cells[at]:.3f}" for at in (low, high)]
        said.append(f"{name} from {ends[0]} to {ends[1]}")
    return f"{panel.title}: {'; '.join(said)}."


def _cells(panel: Panel) -> Cells:
    lines = [[name, *(f"{value:.3f}" for value in cells)] for name, cells in zip(panel.names, panel.cells, strict=True)]
    return [["trained on", *panel.columns], *lines]
