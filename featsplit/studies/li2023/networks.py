"""The encoders that sets are made through, the sets, and the networks that learn of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from featsplit.metadata.derived_sets import Construction, DerivedSet
from featsplit.models.build import FEWEST, ModelSpec
from featsplit.records.models import OUTPUT
from featsplit.studies.ilyas2019.networks import Network, adversarial, standard
from featsplit.studies.li2023.settings import Settings

SUPERVISED, SELF_SUPERVISED = "supervised", "self-supervised"
GIVEN = "given"
LEARNERS = (SUPERVISED, SELF_SUPERVISED)
"""By what networks learn of a set, as rows have it under `experiment`."""


class Maker(NamedTuple):
    """An encoder that sets are made through: its `network`, and its `title` in tables."""

    network: Network
    title: str


def makers(settings: Settings) -> list[Maker]:
    """The three that a run trains, then those of the user."""
    own = [
        Maker(standard(settings), "standard network"),
        Maker(adversarial(settings), "adversarially trained network"),
        Maker(self_supervised(settings, "simclr", "source"), "SimCLR"),
    ]
    return [*own, *(_given(settings, path) for path in settings.encoders)]


def self_supervised(settings: Settings, name: str, train_set: str) -> Network:
    """A network that learns of `train_set` without its labels, and has a linear head fitted by them."""
    spec = replace(settings.model, layer=OUTPUT, pool="mean", built_for=FEWEST)
    return Network(name, train_set, SELF_SUPERVISED, spec, settings.train.standard, SELF_SUPERVISED)


def match_set(maker: Maker) -> DerivedSet:
    """The set of images with the source's representations in `maker`: D_R through it."""
    name, title = f"match-{maker.network.name}", f"D_R: representations of {maker.title}, labels unchanged"
    return DerivedSet(name, f"D_R of {maker.title}", title, Construction("standard", "match"), title)


def rand_set(maker: Maker) -> DerivedSet:
    """The set of images moved to a random class of `maker`, and labelled so: D_rand through it."""
    name, title = f"rand-{maker.network.name}", f"D_rand: perturbed to a random class of {maker.title}"
    return DerivedSet(name, f"D_rand of {maker.title}", title, Construction("standard", "perturb"), title)


def made_sets(makers: Sequence[Maker]) -> dict[DerivedSet, Maker]:
    """The sets through each of the `makers`, two of each, by what each is made with."""
    return {derived: maker for maker in makers for derived in (match_set(maker), rand_set(maker))}


def learners(settings: Settings, derived: DerivedSet) -> list[Network]:
    """The networks that learn of a set: by its labels, and without them."""
    recipe = settings.train.robust if derived.made_by.method == "match" else settings.train.rand
    by_labels = Network(f"{SUPERVISED}-{derived.name}", derived.name, "standard", settings.model, recipe, SUPERVISED)
    return [by_labels, self_supervised(settings, f"{SELF_SUPERVISED}-{derived.name}", derived.name)]


def _given(settings: Settings, path: str) -> Maker:
    name = Path(path).stem
    recipe = settings.train.standard
    return Maker(Network(name, "source", name, ModelSpec(), recipe, GIVEN, given=path), name)
