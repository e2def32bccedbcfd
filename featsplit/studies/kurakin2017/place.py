"""Where a run of one seed keeps its files, and what its jobs share: networks, test images, kept rows."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from featsplit.data.images import Split, as_inputs, digest_of
from featsplit.engine.cache import kept_rows
from featsplit.engine.jobs import Worker
from featsplit.evaluation.seen import Seen, seen
from featsplit.models import load_model, read_metadata
from featsplit.models.checkpoints import state_digest
from featsplit.models.classifier import Classifier
from featsplit.runtime import batches, frozen
from featsplit.studies.kurakin2017.rows import KurakinRow
from featsplit.studies.kurakin2017.settings import Settings

Role = Literal["source", "other"]
"""The network that is attacked, and the other."""


@dataclass(frozen=True)
class Place:
    """A run of one `seed` with its `settings`, in the folder "seedN" of the run."""

    settings: Settings
    seed: int

    def key(self, name: str) -> str:
        """The key of its job, or the place of its file, `name`."""
        return f"seed{self.seed}/{name}"

    def model_file(self, role: Role) -> str:
        """Where that network lies in the folder of the run."""
        return self.key(f"models/{role}.safetensors")

    def examples_file(self, method: str, levels: int) -> str:
        """Where adversarial images lie in the folder of the run."""
        return self.key(f"examples/{method}-{levels}.safetensors")


class Bench:
    """A `place` with the `worker` that carries out a job there."""

    def __init__(self, worker: Worker, place: Place) -> None:
        self.worker, self.place, self.settings, self.seed = worker, place, place.settings, place.seed
        self.device, self.began = worker.machine.device, time.perf_counter()

    @cached_property
    def test(self) -> Split:
        """The test images, in 8 bits as a file has them."""
        test = self.worker.data(self.settings.data).test
        return Split(eight_bits(test.inputs()), test.labels)

    def network(self, role: Role = "source") -> Classifier:
        """The network of that role, prepared for the machine; what counts is computed in float32."""
        return frozen(self.loaded(role), self.worker.machine.exact)

    def loaded(self, role: Role) -> Classifier:
        """The network of that role, as its file has it."""
        settings, path = self.settings, self.worker.folder / self.place.model_file(role)
        if role == "other":
            return load_model(path, factory=settings.other.arch)
        return load_model(path, factory=settings.networks.factory_of(settings.networks.standard, settings.model.arch))

    @cached_property
    def architecture(self) -> str:
        """That of the network that is attacked."""
        if self.settings.networks.standard is None:
            return self.settings.model.arch
        return read_metadata(self.worker.folder / self.place.model_file("source")).arch

    def seen(self, network: Classifier, images: Tensor, labels: Tensor) -> Seen:
        """What `network` says of `images` (N, C, H, W), of 8 bits or inputs, with `labels` (N,)."""
        parts = [
            seen(network, as_inputs(images[rows]).to(self.device), labels[rows].to(self.device))
            for rows in batches(len(images), 500)
        ]
        return Seen(*map(torch.cat, zip(*parts, strict=True)))

    def about(self, experiment: str, method: str, levels: int | None) -> KurakinRow:
        """The fields of a row that say what it is of; `levels` None for what has no eps."""
        row: KurakinRow = {"experiment": experiment, "train_set": "source", "training": "standard", "seed": self.seed}
        row |= {"architecture": self.architecture, "test_set": "source", "attack": method, "norm": None}
        row |= {"eps": None, "steps": None, "step_size": None, "restarts": None, "loss": None}
        row |= {"images": digest_of(self.test.images)[:16]}
        return row if levels is None else {**row, "norm": "linf", "eps": levels / 255, "levels": levels}

    def depends_on(self, **further: object) -> Mapping[str, object]:
        """What decides rows: the network that is attacked, the test images, the seed, and what is given."""
        found = {"model": state_digest(self.loaded("source")), "images": digest_of(self.test.images), "seed": self.seed}
        return {**found, "labels": digest_of(self.test.labels), **further}

    def ensure_rows(
        self, stem: str, depends_on: Mapping[str, object], measure: Callable[[], Sequence[KurakinRow]]
    ) -> Sequence[KurakinRow]:
        """The rows that `measure` gives, kept in the file `stem` while the same things decide them."""
        path = self.worker.folder / self.place.key(f"rows/{stem}.json")

        def measured() -> Sequence[KurakinRow]:
            rows = measure()
            path.parent.mkdir(parents=True, exist_ok=True)
            self.worker.tell(path.parents[1], f"seed {self.seed}", stem, began=self.began, figures=f"{len(rows)} rows")
            return rows

        return kept_rows(path, depends_on, measured)


def eight_bits(inputs: Tensor) -> Tensor:
    """Inputs in [0, 1] as 8 bits, rounded."""
    return (inputs.clamp(0, 1) * 255).round().to(torch.uint8)
