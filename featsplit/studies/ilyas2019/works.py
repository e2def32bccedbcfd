"""What the jobs do that make a network: its training set, its training, its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch

from featsplit.data.augment import augment
from featsplit.data.chance import chance_of
from featsplit.data.images import Split
from featsplit.data.planted import is_planted, kept, planted_from, truth_of
from featsplit.data.shards import count_of
from featsplit.engine.jobs import Worker
from featsplit.errors import warn
from featsplit.evaluation import Attack
from featsplit.metadata.derived_sets import DerivedSet
from featsplit.models.checkpoints import read_metadata
from featsplit.randomness import torch_generator
from featsplit.report.intervals import accuracy
from featsplit.rows import Row
from featsplit.runtime import batches
from featsplit.studies.by_epoch import EXPERIMENT, rows_by_epoch
from featsplit.studies.ilyas2019.building import Making, ensure_set, make_shard
from featsplit.studies.ilyas2019.networks import IN_FULL, Network, adversarial
from featsplit.studies.ilyas2019.rows import PlantedRow
from featsplit.studies.ilyas2019.stages import Place, Stages
from featsplit.studies.ilyas2019.tested import TestSet

NEXT = TestSet(labels="next")


@dataclass(frozen=True)
class Train:
    """Train `network` on its set, and evaluate it."""

    place: Place
    network: Network
    by_epoch: bool = False

    def __call__(self, worker: Worker) -> list[Row]:
        """Its rows on the test set, and by epoch."""
        stages = Stages(worker, self.place)
        return evaluated(stages, self.network) + (by_epoch(stages, self.network) if self.by_epoch else [])


@dataclass(frozen=True)
class DeriveAndRetrain:
    """Make the set `derived` with the network `maker`, train `network` on it, and evaluate that.

    The perturbations leave the networks of `ensemble` as they were, where there are any.
    """

    place: Place
    derived: DerivedSet
    maker: Network
    network: Network
    ensemble: tuple[Network, ...] = ()

    def __call__(self, worker: Worker) -> list[Row]:
        """The rows of `network`, and those on how the set came out."""
        stages = Stages(worker, self.place)
        summary = ensure_set(stages, Making(self.derived, self.maker, self.ensemble))
        construction = self._construction(stages, summary) if self.derived.made_by.method == "perturb" else []
        rows = evaluated(stages, self.network)
        if self.derived.made_by.method == "perturb":
            _warn_of_chance(stages, self.derived.name, rows)
        return [*rows, *construction, *planted(stages, self.network), *by_epoch(stages, self.network)]

    def parts(self, worker: Worker) -> list["MakeShard"]:
        """A shard each; none where there is but one, or it is not known how many images the set will have."""
        if self.derived.made_by.method == "mislabelled":
            return []
        count = count_of(worker.count(self.place.settings.data), worker.shard)
        shards = range(count if count > 1 else 0)
        return [MakeShard(self.place, self.derived, self.maker, self.ensemble, number) for number in shards]

    def _construction(self, stages: Stages, summary: Mapping[str, float]) -> list[Row]:
        """How often, and how surely, the maker predicts the new label: as found, stored and augmented as in training.

        Where there is a control, how often that predicts it, before and after. `confidence` is the mean probability.
        """
        moments = {
            "found": (summary["success"], summary["confidence"]),
            "augmented": self._augmented(stages),
            "stored": (summary["success_stored"], summary["confidence_stored"]),
        }
        rows: list[Row] = [
            {**self._predicted(stages, self.maker, moment), "accuracy": share, "confidence": confidence}
            for moment, (share, confidence) in moments.items()
        ]
        if self.derived.made_by.control:
            control = adversarial(stages.settings)
            for moment in ("before", "after"):
                rows.append({**self._predicted(stages, control, moment), "accuracy": summary[f"control_{moment}"]})
        return rows

    def _predicted(self, stages: Stages, network: Network, moment: str) -> Row:
        row: Row = {**stages.about(network, "construction"), "test_set": self.derived.name, "moment": moment}
        return {**row, **Attack().fields(), "n": len(stages.data.train), "seed": stages.seed}

    def _augmented(self, stages: Stages) -> tuple[float, float]:
        """How often, and how surely, the maker predicts the new label in images augmented as in training."""
        split, generator = (
            stages.split(self.derived.name),
            torch_generator(stages.seed, f"augmented/{self.derived.name}"),
        )
        model, right, probability = stages.network(self.maker), 0, 0.0
        for rows in batches(len(split), 500):
            inputs = augment(split.inputs(rows), self.network.recipe.augment, generator=generator)
            with torch.no_grad():
                chances, labels = model(inputs.to(stages.machine.device)).softmax(dim=1).cpu(), split.labels[rows]
            right += int((chances.argmax(1) == labels).sum())
            probability += float(chances.gather(1, labels[:, None]).sum())
        return right / len(split), probability / len(split)


@dataclass(frozen=True)
class MakeShard:
    """Make shard `number` of the set `derived`."""

    place: Place
    derived: DerivedSet
    maker: Network
    ensemble: tuple[Network, ...]
    number: int

    def __call__(self, worker: Worker) -> list[Row]:
        """No rows: a file that the set is put together from."""
        making = Making(self.derived, self.maker, self.ensemble, only=self.number)
        make_shard(Stages(worker, self.place), making)
        return []


def evaluated(stages: Stages, network: Network) -> list[Row]:
    """Train `network`; its rows on the test set: under every attack, or clean alone where that tells.

    A network of a set labelled y + 1 is tested on those labels too.
    """
    stages.ensure_trained(network)
    data, experiment = stages.data, network.experiment
    attacks = stages.settings.evaluate.attacks()[: None if experiment in IN_FULL else 1]
    rows = stages.ensure_evaluated(network, TestSet(), data.test, attacks, experiment=experiment, together=True)
    if network.labels == "next":
        shifted = Split(data.test.images, (data.test.labels + 1) % len(data.classes))
        rows += stages.ensure_evaluated(network, NEXT, shifted, attacks[:1], experiment=experiment, together=True)
    return rows


def _warn_of_chance(stages: Stages, name: str, rows: Sequence[Row]) -> None:
    """Warn where the network of the set called `name` predicts the true test images no better than chance."""
    labels = stages.data.test.labels
    chance = chance_of(labels)
    found = accuracy([row for row in rows if row["attack"] == "none" and not row.get("labels")])
    if chance.explains(found.value):
        warn(
            f"{stages.set_file(name)}: teaches the true labels no better than chance, {chance.share:.3f}: {found} of "
            "the test images; its network learned the set by heart, or the images were moved too little: more images "
            "(data.limit), a larger perturb.eps, or fewer epochs of its training"
        )


def by_epoch(stages: Stages, network: Network) -> list[Row]:
    """Figure 10: accuracy by epoch, clean and under attack.

    None of a network that was given and trained on other images.
    """
    metadata = read_metadata(stages.network_file(network))
    if network.given is not None and metadata.data_digest != stages.data.digest:
        return []
    first: Row = {**stages.about(network, EXPERIMENT), "seed": stages.seed}
    counts = {"train_accuracy": len(stages.data.train), "test_accuracy": len(stages.data.test), **metadata.counts}
    return rows_by_epoch(replace(metadata, counts=counts), first, train_set=network.train_set)


def planted(stages: Stages, network: Network) -> list[PlantedRow]:
    """Of a set made of planted data: the share of each component's class signal that it `kept`."""
    source = stages.settings.data.source
    if not is_planted(source):
        return []
    shares = kept(stages.split(network.train_set), stages.data.train, truth_of(planted_from(source)))
    first: Row = {**stages.about(network, "planted"), **TestSet(network.train_set, "train").fields()}
    shared = cast(PlantedRow, {**first, **Attack().fields(), "n": len(stages.data.train), "seed": stages.seed})
    return [
        {**shared, "component": component, "kept": share, "error": error}
        for component, (share, error) in shares.items()
    ]
