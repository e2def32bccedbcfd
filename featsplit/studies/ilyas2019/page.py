"""A run as one page: what it shows, every table beside the paper's, the plots, the images, and how to make it again."""

from collections.abc import Sequence
from typing import Any

from featsplit.engine.pages import again, verdicts
from featsplit.engine.results import Results
from featsplit.engine.study import claims_of
from featsplit.metadata.derived_sets import DERIVED_SETS, DerivedSet
from featsplit.metadata.sets import read_set_metadata
from featsplit.report.blocks import Block, Brief, Heading, Plot, Table, Text
from featsplit.report.cells import Cells, as_text, spread
from featsplit.report.intervals import Interval
from featsplit.report.published import compared, published_table
from featsplit.report.rows import picked
from featsplit.rows import Row
from featsplit.studies.ilyas2019 import plots
from featsplit.studies.ilyas2019.claims import CLAIMS, telling_eps
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
BRIEF = "± is how far a 95 % interval reaches; in brackets are those of differences."


def page(results: Results[Settings]) -> list[Block]:
    """The page of a run."""
    return page_of(results, derived_sets(results.settings), [])


def page_of(results: Results[Settings], derived: Sequence[DerivedSet], more: Sequence[Block]) -> list[Block]:
    """The page of a run with these `derived` sets, and with `more` sections after those of the paper's experiments."""
    rows = results.rows
    return [
        Heading(f"featsplit run {results.settings.name}", 1),
        Text(_setting(results)),
        *(Text(note) for note in results.settings.notes()),
        *_brief(rows),
        Plot("learned", plots.learned(rows, eps=telling_eps(rows), chance=results.chance), LEARNED),
        *images(results, derived),
        Heading("What the paper says, and what holds here"),
        *verdicts(claims_of(CLAIMS, results)),
        Heading("Accuracy on the original test set (Tables 1 and 7)"),
        Table(accuracy_table(rows), main=True),
        Heading("The control"),
        Text(CONTROL),
        Table(control_table(rows)),
        *_further(rows),
        *more,
        Heading("How the sets came out"),
        *(Table(cells) for cells in construction_tables(results, derived)),
        Table(prediction_table(rows)),
        *set_warnings({seed: results.seed_folder(seed) for seed in results.seeds}, derived),
        *_published(results),
        *again(results),
    ]


def _brief(rows: Sequence[Row]) -> list[Block]:
    """The two tables that a terminal shows."""
    tables = [accuracy_table(rows, show=Interval.short), control_table(rows, show=Interval.short)]
    return [Brief(text) for text in (*map(as_text, tables), BRIEF)]


def _setting(results: Results[Settings]) -> str:
    """What was run, in a sentence or two."""
    data = results.data
    assert data is not None
    shape = " x ".join(map(str, data.shape))
    several = f"seed {results.seeds[0]}"
    if len(results.seeds) > 1:
        several = f"seeds {', '.join(map(str, results.seeds))}, of which the means are shown"
    return (
        f"{data.name}: {data.train} training and {data.test} test images of {shape}, {len(data.classes)} classes; "
        f"network {results.settings.model.arch}; {several}. In brackets are 95 % intervals, after ± the standard "
        "deviation over seeds, and n is the number of images. After Ilyas et al. 2019, arXiv:1905.02175."
    )


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
        blocks += [Plot("architectures", plots.by_architecture(rows), says)]
    if "autoattack" in measured:
        count = max(row["n"] for row in picked(rows, experiment="autoattack"))
        blocks += [Heading("Under AutoAttack"), Text(f"On {count} of the test images, PGD beside it on the same ones.")]
        blocks += [Table(accuracy_table(rows, experiments=("autoattack",)))]
    if "distance" in measured:
        blocks += [Heading("How near the nearest adversarial image is"), Text(DISTANCE)]
        blocks += [Plot("distance", plots.by_distance(rows), NEAR), Table(distance_table(rows))]
    if "steps" in measured:
        says = "The step size is searched for each number of steps; bands are 95 % intervals."
        blocks += [Heading("By the number of PGD steps (Figure 8)"), Plot("steps", plots.by_steps(rows), says)]
        blocks += [Table(steps_table(rows))]
    if "epochs" in measured:
        says = "Accuracy by epoch on the perturbed set, as augmented in training, and on the original test set."
        blocks += [Heading("By epoch (Figure 10)"), Plot("epochs", plots.by_epoch(rows), says)]
    return blocks


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


def _published(results: Results[Settings]) -> list[Block]:
    """Every number of the paper, beside the run's."""
    why = differences(results.settings)
    reason = f" Here nothing is comparable: {'; '.join(why)}." if why else ""
    cells = published_table(compared(results.rows, PUBLISHED, why))
    return [Heading("Beside the published numbers"), Text(BANDS + reason), Table(cells)]
