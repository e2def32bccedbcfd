"""A run as one page: what it shows, every table beside the paper's, the plots, the images, and how to make it again."""

from collections.abc import Mapping, Sequence
from typing import Any

from featsplit.engine.pages import Page, assembled, beside, seeds_of
from featsplit.engine.results import Results
from featsplit.engine.study import claims_of
from featsplit.metadata.derived_sets import DERIVED_SETS, DerivedSet
from featsplit.metadata.sets import read_set_metadata
from featsplit.report.blocks import Block, Heading, Table, Text
from featsplit.report.cells import Cells, cell, column_name, spread
from featsplit.report.intervals import Interval
from featsplit.report.plots import plot
from featsplit.report.published import compared
from featsplit.report.rows import picked
from featsplit.rows import Row
from featsplit.studies.ilyas2019 import plots
from featsplit.studies.ilyas2019.claims import CLAIMS, telling_eps
from featsplit.studies.ilyas2019.figures import by_class, by_eps, headline, networks, training
from featsplit.studies.ilyas2019.images import images
from featsplit.studies.ilyas2019.networks import derived_sets
from featsplit.studies.ilyas2019.published import BANDS, PUBLISHED, differences
from featsplit.studies.ilyas2019.set_warnings import set_warnings
from featsplit.studies.ilyas2019.settings import Settings
from featsplit.studies.ilyas2019.tables import (
    accuracy_table,
    architecture_table,
    control_table,
    distance_table,
    planted_table,
    prediction_table,
    source_table,
    splits_table,
    steps_table,
)

ORDER = {
    "adversarial training": ("source", "adversarial"),
    "D_R": ("robust", "standard"),
    "standard training": ("source", "standard"),
    "D_NR": ("nonrobust", "standard"),
}
"""The networks that the paper puts into an order of robustness, the most robust first."""
CONTROL = (
    "How often the adversarially trained network, which sees robust features only, predicts the new label. What it "
    "gains from before to after the perturbation has leaked into robust features, and is not the work of non-robust "
    "ones."
)
PLANTED = (
    "The share of each component's class signal in the source that a set has for its own labels, read off by matched "
    "filters, not by a network. 1 is all of it, 0 none; below 0 the set points to other classes."
)
LEARNED = (
    "What a normally trained network learns from each set. In the paper D_R makes it robust, D_NR does not, and D_rand "
    "and D_det, whose labels look wrong to people, teach it to classify the true test images."
)
DISTANCE = (
    "For each of the same test images, the distance of the nearest adversarial image that the attack `closest` finds: "
    "0 where the network is wrong without one. An accuracy at eps is the share of images whose distance is above it, "
    "so one search tells it at every eps."
)
NEAR = "Accuracy at every eps, by distances. Points: PGD (o) and AutoAttack (x) on the same images."


def page(results: Results[Settings]) -> list[Block]:
    """The page of a run."""
    return page_of(results, derived_sets(results.settings), [])


def page_of(results: Results[Settings], derived: Sequence[DerivedSet], more: Sequence[Block]) -> list[Block]:
    """The page of a run with these `derived` sets, and with `more` sections after those of the paper's experiments."""
    rows = results.rows
    return assembled(
        results,
        Page(
            f"featsplit run {results.settings.name}",
            did(results),
            found(rows),
            accuracy_table(rows, show=Interval.short),
            figure=[headline(rows, results.chance)],
            pictures=images(results, derived),
            claims=claims_of(CLAIMS, results),
            sections=[*_curves(results), *_tables(results, derived), *more],
            folded=beside(compared(rows, PUBLISHED, why := differences(results.settings)), BANDS, why),
        ),
    )


def did(results: Results[Settings]) -> str:
    """What was done, in a sentence."""
    data, settings = results.data, results.settings
    assert data is not None
    adversary = settings.train.adversarial.adversary
    against = f" (in {adversary.norm} within {adversary.eps:g})" if adversary else ""
    return (
        f"A network ({settings.model.arch}) was trained as usual and one adversarially{against} on {data.name}, "
        f"{data.train} training images of {' x '.join(map(str, data.shape))} in {len(data.classes)} classes; with them "
        "the sets of Ilyas et al. 2019 (arXiv:1905.02175) were made, and a fresh network was trained as usual on each: "
        f"{seeds_of(results)}."
    )


def found(rows: Sequence[Row]) -> str:
    """What came out, in a sentence: what the sets with labels that look wrong teach, and the order of robustness."""
    eps, by_network = telling_eps(rows), networks(rows)
    attack = next(column_name(row["attack"], row["norm"], eps) for row in by_network["rand", "standard"] if row["eps"])
    clean = [_at(by_network, (name, "standard"), None) for name in ("rand", "det")]
    order = [f"{name} {_at(by_network, network, eps)}" for name, network in ORDER.items()]
    return (
        "Trained on D_rand and on D_det, whose labels look wrong, a network predicts the share "
        f"{' and '.join(clean)} of the true test images; under {attack} the accuracies are: {', '.join(order)}."
    )


def _at(by_network: Mapping[tuple[str, str], Sequence[Row]], network: tuple[str, str], eps: float | None) -> str:
    return cell(picked(by_network.get(network, ()), eps=eps)) or "not measured"


def _curves(results: Results[Settings]) -> list[Block]:
    """Training curves, accuracy by eps, and by class."""
    by_epoch = training(results)
    return [
        *([Heading("Training curves (Figure 10 for D_rand and D_det)"), *by_epoch] if by_epoch else []),
        Heading("Accuracy by eps"),
        by_eps(results),
        Heading("Accuracy by class"),
        *by_class(results),
    ]


def _tables(results: Results[Settings], derived: Sequence[DerivedSet]) -> list[Block]:
    rows = results.rows
    return [
        Heading("Accuracy on the original test set (Tables 1 and 7)"),
        Text(LEARNED),
        Table(accuracy_table(rows), main=True),
        Heading("The control"),
        Text(CONTROL),
        Table(control_table(rows)),
        *_further(rows),
        Heading("How the sets came out"),
        *(
            Table(cells, caption=caption)
            for cells, caption in zip(construction_tables(results, derived), captions(results.settings), strict=True)
        ),
        Table(prediction_table(rows)),
        *set_warnings({seed: results.seed_folder(seed) for seed in results.seeds}, derived),
    ]


def _further(rows: Sequence[Any]) -> list[Block]:
    """The experiments that were measured besides, a section each."""
    blocks, measured = list[Block](), {row["experiment"] for row in rows}
    if "planted" in measured:
        blocks += [Heading("What each set keeps of the planted components"), Text(PLANTED), Table(planted_table(rows))]
    if "control" in measured:
        blocks += [Heading("Made with the robust network instead (Tables 9 and 10)"), Table(source_table(rows))]
    if "splits" in measured:
        blocks += [Heading("D_R's network on D_R itself (Table 8)"), Table(splits_table(rows))]
    if "architectures" in measured:
        says = "Each architecture trained on D_det, and fooled by adversarial examples of the network behind D_det."
        blocks += [Heading("Architectures and transfer (Figures 3 and 13)"), Table(architecture_table(rows))]
        blocks += [plot("architectures", plots.by_architecture(rows), says)]
    if "autoattack" in measured:
        count = max(row["n"] for row in picked(rows, experiment="autoattack"))
        blocks += [Heading("Under AutoAttack"), Text(f"On {count} of the test images, PGD beside it on the same ones.")]
        blocks += [Table(accuracy_table(rows, experiments=("autoattack",)))]
    if "distance" in measured:
        blocks += [Heading("How near the nearest adversarial image is"), Text(DISTANCE)]
        blocks += [plot("distance", plots.by_distance(rows), NEAR), Table(distance_table(rows))]
    if "steps" in measured:
        says = "The step size is searched for each number of steps; bands are 95 % intervals."
        blocks += [Heading("By the number of PGD steps (Figure 8)"), plot("steps", plots.by_steps(rows), says)]
        blocks += [Table(steps_table(rows))]
    return blocks


def captions(settings: Settings) -> tuple[str, str]:
    """What the numbers of the two tables of sets are, with the norms that they are in."""
    perturb = settings.perturb
    return (
        "Sets that match a representation: distances between representations are in l2.",
        f"Sets of perturbed images: perturbations are in {perturb.norm}, within {perturb.eps:g}.",
    )


def construction_tables(results: Results[Settings], derived: Sequence[DerivedSet]) -> list[Cells]:
    """The files' summaries over seeds: one table for the matched sets, one for the perturbed ones."""
    tables = []
    for method in ("match", "perturb"):
        summaries = {
            name: [
                read_set_metadata(results.seed_folder(seed) / "sets" / f"{name}.h5").summary for seed in results.seeds
            ]
            for name, one in DERIVED_SETS.items()
            if one in derived and one.made_by.method == method
        }
        figures = list(next(iter(summaries.values()))[0])
        lines = [
            [
                DERIVED_SETS[name].label,
                *(spread([one[figure] for one in by_seed if figure in one]) for figure in figures),
            ]
            for name, by_seed in summaries.items()
        ]
        tables.append([["set", *(figure.replace("_", " ") for figure in figures)], *lines])
    return tables
