"""What the discussion of the paper adds, on the page: useful and robust units, layers, leakage, bugs, wrong labels."""

import statistics
from typing import Any

from matplotlib.figure import Figure

from featsplit.report.markup import Block, Code, Heading, Plot, Table, Text
from featsplit.report.plots import BLUE, GREEN, INK, ORANGE, drawn
from featsplit.report.rows import Row, picked, spread
from featsplit.report.tables import NAMES, Cells, cell

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
    "2019). On CIFAR-10 it reads 49.7 % of the true test images."
)


def discussion(rows: list[Row]) -> list[Block]:
    """The sections of what was measured; none where nothing was."""
    blocks: list[Block] = []
    if picked(rows, part="audit"):
        blocks += audit(rows)
    if picked(rows, part="leakage"):
        blocks += [Heading("What leaks through robust features"), Text(LEAKAGE), Table(leakage_table(rows))]
    if picked(rows, part="bugs"):
        blocks += [Heading("Bugs that are no features"), Text(BUGS), Table(bugs_table(rows))]
    if picked(rows, part="mislabelled", train_set="mislabelled"):
        blocks += [Heading("Learning from wrong labels"), Text(MISLABELLED), Table(mislabelled_table(rows))]
    return blocks


def audit_page(rows: list[Row], command: str) -> list[Block]:
    """The page of an audit."""
    heading = Heading("Useful and robust features of a network", 1)
    return [heading, *audit(rows)[1:], Heading("To make it again"), Code(command)]


def audit(rows: list[Row]) -> list[Block]:
    """How useful and how robust units and layers are: scatter, counts and curves."""
    one = picked(rows, part="audit")[0]
    eps = f"{one['norm']} eps {one['eps']:g}"
    blocks: list[Block] = [Heading("Useful and robust features"), Text(AUDIT)]
    blocks += [Plot("audit", scatter(rows), f"Each unit of the representation; adversary within {eps}.")]
    blocks += [Table(audit_table(rows)), Text(by_chance(rows))]
    if picked(rows, part="layers"):
        blocks += [Heading("Layer by layer"), Text(LAYERS), Table(layer_table(rows))]
    return blocks


def scatter(rows: list[Row]) -> str:
    """rho against gamma of each unit, a panel for each kind of training."""
    own = picked(rows, part="audit", layer="representation")
    names = _networks(own)

    def draw(figure: Figure) -> None:
        panels: Any = figure.subplots(1, len(names), sharex=True, sharey=True, squeeze=False)[0]
        for axes, name in zip(panels, names, strict=True):
            of = picked(own, part="audit", training=name)
            for kind, colour in zip(KINDS, (GREEN, ORANGE, BLUE), strict=True):
                points = [row for row in of if row["kind"] == kind]
                across, up = [row["rho"] for row in points], [row["gamma"] for row in points]
                axes.scatter(across, up, s=14, color=colour, label=KINDS[kind])
            axes.axhline(0, color=INK, linewidth=0.8, linestyle=":")
            axes.set(title=NETWORKS.get(name, name), xlabel="usefulness rho")
            axes.title.set_fontsize(10)
        panels[0].set_ylabel("robust usefulness gamma")
        panels[0].legend(loc="best", fontsize=9)

    return drawn(3.6 * len(names) + 0.6, 3.2, draw)


def audit_table(rows: list[Row]) -> Cells:
    """Counts of each kind of unit, and the means of rho and gamma, with their spread over networks."""
    table = [["network", "of", *KINDS.values(), "mean rho", "mean gamma"]]
    for name in _networks(picked(rows, part="audit")):
        for layer in ("representation", "logits"):
            of = picked(rows, part="audit", training=name, layer=layer)
            keys = dict.fromkeys((row.get("network"), row["seed"]) for row in of)
            by_network = [picked(of, part="audit", network=network, seed=seed) for network, seed in keys]
            counts = [spread([sum(r["kind"] == kind for r in each) for each in by_network], digits=1) for kind in KINDS]
            means = [
                spread([statistics.fmean(r[key] for r in each) for each in by_network]) for key in ("rho", "gamma")
            ]
            table.append([NETWORKS.get(name, name), layer, *counts, *means])
    return table


def by_chance(rows: list[Row]) -> str:
    """How many units of a network would be useful by chance alone."""
    networks = {(row["training"], row.get("network"), row["seed"]) for row in picked(rows, part="audit")}
    units = len(picked(rows, part="audit", layer="representation")) / len(networks)
    number = f"{units / 100:.2g} of {units:.0f}, if all were such"
    return f"Of units that tell nothing 1 in 100 is called useful by chance: {number}."


def layer_table(rows: list[Row]) -> Cells:
    """The ratio of each layer, a column for each kind of training."""
    own = picked(rows, part="layers")
    names = _networks(own)
    layers = list(dict.fromkeys(row["layer"] for row in own))
    cells = [
        [spread([row["ratio"] for row in picked(own, part="layers", training=name, layer=layer)]) for name in names]
        for layer in layers
    ]
    return [
        ["layer", *(NETWORKS.get(name, name) for name in names)],
        *([a, *b] for a, b in zip(layers, cells, strict=True)),
    ]


def leakage_table(rows: list[Row]) -> Cells:
    """What the robust linear features learn from each set of a run."""
    names = dict.fromkeys(row["train_set"] for row in picked(rows, part="leakage"))
    return leakage_lines(rows, {n: "D itself" if n == "source" else NAMES[n, "standard"] for n in names})


def leakage_lines(rows: list[Row], names: dict[str, str]) -> Cells:
    """The same, with what each set is called."""
    lines = [[title, cell(picked(rows, part="leakage", train_set=name))] for name, title in names.items()]
    return [["a linear classifier on robust linear features, trained on", "reads of the true labels"], *lines]


def bugs_table(rows: list[Row]) -> Cells:
    """D_det by PGD and by bugs: success, transfer, and what each teaches."""
    head = ["D_det by", "success", "transfer to a fresh network", "trained on it: true labels", "labels y + 1"]
    table = [head]
    for name, title, part in (("det", "PGD", "main"), ("det-bugs", "bugs", "bugs")):
        found = [
            picked(rows, part="construction", test_set=f"{name}:found"),
            picked(rows, part="bugs", test_set=f"{name}:train"),
            picked(rows, part=part, train_set=name, test_set="source", attack="none"),
            picked(rows, part=part, train_set=name, test_set="source:next", attack="none"),
        ]
        table.append([title, *map(cell, found)])
    return table


def mislabelled_table(rows: list[Row]) -> Cells:
    """What the early-stopped network reads, and what a fresh one learns from its errors."""
    found = {
        "the network that was stopped early": picked(rows, part="mislabelled", training="early", test_set="source"),
        "a fresh one, trained on its errors": picked(
            rows, part="mislabelled", train_set="mislabelled", test_set="source"
        ),
    }
    lines = [[name, cell(each)] for name, each in found.items() if each]
    return [["network", "reads of the true test images"], *lines]


def _networks(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(row["training"] for row in rows))
