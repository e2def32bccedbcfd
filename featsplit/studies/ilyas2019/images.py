"""The images of a run's sets on its page: to step through, or, of a run that has kept no examples, as pictures."""

from collections.abc import Sequence

from featsplit.engine.results import Results
from featsplit.metadata.derived_sets import DERIVED_SETS, DerivedSet
from featsplit.report.blocks import Block, ExampleSet, Explorer, Heading, Picture, Text
from featsplit.studies.ilyas2019.settings import Settings

NETWORKS = "standard network", "adversarially trained network"
"""Those whose predictions are kept, in this order, and as a set's construction names them."""
MAKERS = {"standard": 0, "adversarial": 1}
SAYS = (
    "Images of the first seed, spread over the training images, to 8 bits. Each is made from a source image, and, "
    "where a representation was matched, from another image that it started from; the change is from where it started."
)


def images(results: Results[Settings], derived: Sequence[DerivedSet]) -> list[Block]:
    """The images of the `derived` sets; nothing where there are none."""
    ordered = [one for one in DERIVED_SETS.values() if one in derived]
    shown = [_example_set(results, one) for one in ordered if (results.path / _file(results, one, "png")).is_file()]
    if not shown or results.data is None:
        return []
    kept = [one for one in shown if (results.path / one.examples).is_file()]
    if kept:
        return [Text(SAYS), Explorer(kept, NETWORKS, results.data.classes)]
    says = f"seed {results.seeds[0]}: examples spread over the set"
    pictures = [(Heading(one.title, 3), Picture(one.picture, f"{one.label}, {says}")) for one in shown]
    return [block for pair in pictures for block in pair]


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
