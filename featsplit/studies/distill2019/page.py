"""What the discussion of the paper adds, on the page: useful and robust units, layers, leakage, bugs, wrong labels."""

import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from featsplit.engine.results import Results
from featsplit.evaluation import LayerRow, UnitRow
from featsplit.report.blocks import Block, Heading, Table, Text
from featsplit.report.cells import Cells, cell, spread
from featsplit.report.plots import BLUE, GREEN, INK, ORANGE, Figured, drawn, plot
from featsplit.report.rows import picked
from featsplit.rows import Row
from featsplit.studies.distill2019.jobs import made_sets
from featsplit.studies.distill2019.rows import layers_of, units_of
from featsplit.studies.distill2019.settings import Settings
from featsplit.studies.ilyas2019.page import page_of
from featsplit.studies.ilyas2019.tables import title_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = {"robust": "useful and robust", "useful": "useful, not robust", "useless": "useless"}
NETWORKS = {"standard": "standard training", "adversarial": "adversarial training", "not told": "training not told"}
AUDIT = (
    "The paper's definitions (section 2), for each unit of the representation as a feature f, one class against the "
    "rest: rho = E[y f(x)], and gamma = the same where an adversary within eps moves x against f. A unit is useful "
    "where rho is above what 99 of 100 units reach on shuffled labels; and robust where gamma, too, is above 0 by more "
    "than chance, at the same level."
)
LAYERS = (
    "How far the adversary moves the output of each layer, as a share of the distance between two images there (Nakano "
    "2019): above 1, one image can be made to look further off than another."
)
LEAKAGE = (
    "A linear classifier on the features of an adversarially trained linear network, trained on each set and tested on "
    "the true test images (Goh 2019): a lower bound on what robust features leak of the true labels. On CIFAR-10 Goh "
    "found 23.5 % for D_rand and 6.81 % for D_det."
)
BUGS = (
    "Perturbations that fool the network and leave others as they were (Nakkiran 2019) teach nothing of the true "
    "labels: so a perturbation need not be a feature, and those of PGD, which transfer, are. There, on CIFAR-10 in l2: "
    "success 99.9 and 99.3 %, transfer 82.5 and 1.7, tested on the true labels 33.2 and 2.8, on "
    "y + 1 27.3 and 70.8."
)
MISLABELLED = (
    "A fresh network trained only on the wrong predictions of one that was stopped early, with those labels (Wallace "
    "2019). On CIFAR-10 it predicts 49.7 % of the true test images."
)


def page(results: Results[Settings]) -> list[Block]:
    """The page of a run with experiments of the discussion."""
    return page_of(results, made_sets(results.settings), discussion(results.rows))


def discussion(rows: Sequence[Any]) -> list[Block]:
    """The sections of what was measured; none where nothing was."""
    blocks: list[Block] = []
    if picked(rows, experiment="audit"):
        blocks += audit(rows)
    if picked(rows, experiment="leakage"):
        blocks += [Heading("What leaks through robust features"), Text(LEAKAGE), Table(leakage_table(rows))]
    if picked(rows, experiment="bugs"):
        blocks += [Heading("Bugs that are no features"), Text(BUGS), Table(bugs_table(rows))]
    if picked(rows, experiment="mislabelled", train_set="mislabelled"):
        blocks += [Heading("Learning from wrong labels"), Text(MISLABELLED), Table(mislabelled_table(rows))]
    return blocks


def audit(rows: Sequence[Any]) -> list[Block]:
    """How useful and how robust units and layers are: scatter, counts and curves."""
    units, layers = units_of(rows), layers_of(rows)
    threat = f"{units[0]['norm']} eps {units[0]['eps']:g}"
    blocks: list[Block] = [Heading("Useful and robust features"), Text(AUDIT)]
    blocks += [plot("audit", scatter(units), f"Each unit of the representation; adversary within {threat}.")]
    blocks += [Table(audit_table(units)), Text(by_chance(units))]
    if layers:
        blocks += [Heading("Layer by layer"), Text(LAYERS), Table(layer_table(layers))]
    return blocks


def scatter(units: Sequence[UnitRow]) -> Figured:
    """rho against gamma of each unit, a panel for each kind of training."""
    shown = picked(units, layer="representation")
    names = _trainings(shown)

    def draw(figure: "Figure") -> None:
        panels: Any = figure.subplots(1, len(names), sharex=True, sharey=True, squeeze=False)[0]
        for axes, name in zip(panels, names, strict=True):
            for (kind, label), colour in zip(KINDS.items(), (GREEN, ORANGE, BLUE), strict=True):
                points = picked(shown, training=name, kind=kind)
                across, up = [row["rho"] for row in points], [row["gamma"] for row in points]
                axes.scatter(across, up, s=14, color=colour, label=label)
            axes.axhline(0, color=INK, linewidth=0.8, linestyle=":")
            axes.set(title=NETWORKS.get(name, name), xlabel="usefulness rho")
            axes.title.set_fontsize(10)
        panels[0].set_ylabel("robust usefulness gamma")
        panels[0].legend(loc="best", fontsize=9)

    return drawn(3.6 * len(names) + 0.6, 3.2, draw)


def audit_table(units: Sequence[UnitRow]) -> Cells:
    """Counts of each kind of unit, and the means of rho and gamma, with their spread over networks."""
    table = [["network", "of", *KINDS.values(), "mean rho", "mean gamma"]]
    for name in _trainings(units):
        for layer in ("representation", "logits"):
            line = picked(units, training=name, layer=layer)
            keys = dict.fromkeys((row.get("network"), row["seed"]) for row in line)
            networks = [picked(line, network=network, seed=seed) for network, seed in keys]
            digits = 0 if len(networks) == 1 else 1
            counts = [spread([len(picked(one, kind=kind)) for one in networks], digits=digits) for kind in KINDS]
            rho = spread([statistics.fmean(row["rho"] for row in one) for one in networks])
            gamma = spread([statistics.fmean(row["gamma"] for row in one) for one in networks])
            table.append([NETWORKS.get(name, name), layer, *counts, rho, gamma])
    return table


def by_chance(units: Sequence[UnitRow]) -> str:
    """How many units of a network would be useful by chance alone."""
    networks = {(row["training"], row.get("network"), row["seed"]) for row in units}
    count = len(picked(units, layer="representation")) / len(networks)
    number = f"{count / 100:.2g} of {count:.0f}, if all were such"
    return f"Of units that tell nothing 1 in 100 is called useful by chance: {number}."


def layer_table(layers: Sequence[LayerRow]) -> Cells:
    """The ratio of each layer, a column for each kind of training."""
    names = _trainings(layers)
    lines = [
        [layer, *(spread([row["ratio"] for row in picked(layers, training=name, layer=layer)]) for name in names)]
        for layer in dict.fromkeys(row["layer"] for row in layers)
    ]
    return [["layer", *(NETWORKS.get(name, name) for name in names)], *lines]


def leakage_table(rows: Sequence[Row]) -> Cells:
    """What the robust linear features learn from each set of a run."""
    names = dict.fromkeys(row["train_set"] for row in picked(rows, experiment="leakage"))
    return leakage_lines(rows, {name: "D itself" if name == "source" else title_of(name) for name in names})


def leakage_lines(rows: Sequence[Row], names: Mapping[str, str]) -> Cells:
    """The same, with what each set is called."""
    lines = [[title, cell(picked(rows, experiment="leakage", train_set=name))] for name, title in names.items()]
    return [["a linear classifier on robust linear features, trained on", "predicts of the true labels"], *lines]


def bugs_table(rows: Sequence[Row]) -> Cells:
    """D_det by PGD and by bugs: success, transfer, and what each teaches."""
    head = ["D_det by", "success", "transfer to a fresh network", "trained on it: true labels", "labels y + 1"]
    table = [head]
    for name, title, experiment in (("det", "PGD", "main"), ("det-bugs", "bugs", "bugs")):
        learned = {"experiment": experiment, "train_set": name, "test_set": "source", "attack": "none"}
        measured = [
            picked(rows, experiment="construction", test_set=name, moment="found"),
            picked(rows, experiment="bugs", test_set=name, split="train"),
            picked(rows, **learned),
            picked(rows, labels="next", **learned),
        ]
        table.append([title, *map(cell, measured)])
    return table


def mislabelled_table(rows: Sequence[Row]) -> Cells:
    """What the early-stopped network predicts, and what a fresh one learns from its errors."""
    tested = picked(rows, experiment="mislabelled", test_set="source")
    measured = {
        "the network that was stopped early": picked(tested, training="early"),
        "a fresh one, trained on its errors": picked(tested, train_set="mislabelled"),
    }
    lines = [[name, cell(each)] for name, each in measured.items() if each]
    return [["network", "predicts of the true test images"], *lines]


def _trainings(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row["training"] for row in rows))
