"""The images of a run's sets on its page: to step through, or, of a run that has kept no examples, as pictures.

A study that makes its sets by the same jobs shows them by the same `gallery`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from featsplit.engine.results import Results
from featsplit.metadata.derived_sets import DERIVED_SETS, DerivedSet
from featsplit.metadata.sets import read_set_metadata
from featsplit.report.blocks import Block, ExampleSet, Explorer, Heading, Picture
from featsplit.studies.ilyas2019.settings import Settings
from featsplit.studies.ilyas2019.stages import Place

NETWORKS = "standard network", "adversarially trained network"
"""Those whose predictions are kept, in this order, and as a set's construction names them."""
MAKERS = {"standard": 0, "adversarial": 1}
SAYS = (
    "Images of the first seed, spread over the training images, to 8 bits. Each is made from a source image, and, "
    "where a representation was matched, from another image that it started from; the change is from where it started."
)
DISTANCES = {
    "match": "Distance of the representation from that of the source (l2)",
    "perturb": "Length of the perturbation ({})",
}


class Made(NamedTuple):
    """A `derived` set, and which of the networks whose predictions are kept is its `maker`; None: another one."""

    derived: DerivedSet
    maker: int | None

    @property
    def control(self) -> int | None:
        """The network that says whether a perturbation moved robust features: the adversarially trained one, if any.

        Of a set that it made itself the standard one.
        """
        return (0 if self.maker == 1 else 1) if self.derived.made_by.method == "perturb" else None


def images(results: Results[Settings], derived: Sequence[DerivedSet]) -> list[Block]:
    """The images of the `derived` sets; nothing where there are none."""
    assert results.data is not None
    made = [Made(one, MAKERS.get(one.made_by.network)) for one in DERIVED_SETS.values() if one in derived]
    place = Place(results.settings, results.seeds[0])
    return gallery(results.path, place, made, networks=NETWORKS, classes=results.data.classes)


def gallery(
    path: Path, place: Place, made: Sequence[Made], *, networks: Sequence[str], classes: Sequence[str], says: str = SAYS
) -> list[Block]:
    """The images of the sets `made` in a `place` of the run in the folder `path`; nothing where there are none.

    `networks` are the names of those whose predictions are kept, `classes` those of the labels; `says` says what the
    images are. Sets without examples have their pictures.
    """
    drawn = [one for one in made if (path / _file(place, one, "png")).is_file()]
    kept = [shown for one in drawn if (path / (shown := _example_set(place, one)).examples).is_file()]
    explorer = [Explorer(kept, networks, classes, says)] if kept else []
    pictured = [one for one in drawn if _file(place, one, "safetensors") not in {shown.examples for shown in kept}]
    return [
        *explorer,
        *(
            block
            for one in pictured
            for block in (Heading(one.derived.title, 3), Picture(_file(place, one, "png"), _says(path, place, one)))
        ),
    ]


def _says(path: Path, place: Place, one: Made) -> str:
    """What a picture shows, with the means over the set that its file tells."""
    file = path / place.path / "sets" / f"{one.derived.name}.h5"
    summary = read_set_metadata(file).summary if file.is_file() else {}
    means = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in summary.items())
    shown = f"{one.derived.label}, seed {place.seed}: examples spread over the set"
    return shown + (f"; means over it: {means}" if means else "")


def _example_set(place: Place, one: Made) -> ExampleSet:
    return ExampleSet(
        one.derived.label,
        one.derived.title,
        _file(place, one, "safetensors"),
        _file(place, one, "png"),
        one.maker,
        one.control,
        DISTANCES.get(one.derived.made_by.method, "").format(place.settings.perturb.norm),
    )


def _file(place: Place, one: Made, kind: str) -> str:
    return f"{place.path}/grids/{one.derived.name}.{kind}"
