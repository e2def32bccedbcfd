"""The images of a run's sets on its page: to step through, or, of a run that has kept no examples, as pictures."""

from collections.abc import Sequence

from featsplit.engine.results import Results
from featsplit.metadata.derived_sets import DERIVED_SETS, DerivedSet
from featsplit.metadata.sets import read_set_metadata
from featsplit.report.blocks import Block, ExampleSet, Explorer, Heading, Picture
from featsplit.studies.ilyas2019.settings import Settings

NETWORKS = "standard network", "adversarially trained network"
"""Those whose predictions are kept, in this order, and as a set's construction names them."""
MAKERS = {"standard": 0, "adversarial": 1}
SAYS = (
    "Images of the first seed, spread over the training images, to 8 bits. Each is made from a source image, and, "
    "where a representation was matched, from another image that it started from; the change is from where it started."
)


def images(results: Results[Settings], derived: Sequence[DerivedSet]) -> list[Block]:
    """The images of the `derived` sets; nothing where there are none. Sets without examples have their pictures."""
    ordered = [one for one in DERIVED_SETS.values() if one in derived]
    drawn = [one for one in ordered if (results.path / _file(results, one, "png")).is_file()]
    if not drawn or results.data is None:
        return []
    kept = [shown for one in drawn if (results.path / (shown := _example_set(results, one)).examples).is_file()]
    explorer = [Explorer(kept, NETWORKS, results.data.classes, SAYS)] if kept else []
    pictured = [one for one in drawn if _file(results, one, "safetensors") not in {shown.examples for shown in kept}]
    return [
        *explorer,
        *(
            block
            for one in pictured
            for block in (Heading(one.title, 3), Picture(_file(results, one, "png"), _says(results, one)))
        ),
    ]


def _says(results: Results[Settings], one: DerivedSet) -> str:
    """What a picture shows, with the means over the set that its file tells."""
    seed = results.seeds[0]
    file = results.seed_folder(seed) / "sets" / f"{one.name}.h5"
    summary = read_set_metadata(file).summary if file.is_file() else {}
    means = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in summary.items())
    return f"{one.label}, seed {seed}: examples spread over the set" + (f"; means over it: {means}" if means else "")


def _example_set(results: Results[Settings], one: DerivedSet) -> ExampleSet:
    perturbed, norm = one.made_by.method == "perturb", results.settings.perturb.norm
    distances = {
        "match": "Distance of the representation from that of the source (l2)",
        "perturb": f"Length of the perturbation ({norm})",
    }
    return ExampleSet(
        one.label,
        one.title,
        _file(results, one, "safetensors"),
        _file(results, one, "png"),
        MAKERS.get(one.made_by.network),
        perturbed,
        distances.get(one.made_by.method, ""),
    )


def _file(results: Results[Settings], one: DerivedSet, kind: str) -> str:
    return f"seed{results.seeds[0]}/grids/{one.name}.{kind}"
