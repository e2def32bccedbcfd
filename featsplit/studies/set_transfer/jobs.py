"""The jobs of a seed: one for each set and architecture."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from featsplit.data.images import ImageData
from featsplit.data.places import absolute
from featsplit.engine.cache import kept_rows
from featsplit.engine.jobs import Job, Worker
from featsplit.engine.several import in_ranks
from featsplit.evaluation import evaluate
from featsplit.files import json_digest
from featsplit.metadata.plain import Fields
from featsplit.models.build import ModelSpec
from featsplit.models.checkpoints import load_model, state_digest
from featsplit.rows import Row
from featsplit.runtime import Machine
from featsplit.studies.set_transfer.settings import Settings
from featsplit.training import ensure_trained


def jobs(settings: Settings, seed: int) -> list[Job]:
    """The jobs of `seed`, set by set."""
    works = [TrainAndTest(settings, name, arch, seed) for name in settings.trains() for arch in settings.architectures]
    return [
        Job(f"seed{seed}/{work.stem}", work, files=(work.model_file, work.rows_file), trains=True) for work in works
    ]


@dataclass(frozen=True)
class TrainAndTest:
    """Train a network of `arch` on the set called `name`, and test it on the source's test images and the test sets."""

    settings: Settings
    name: str
    arch: str
    seed: int

    @property
    def stem(self) -> str:
        """What its files are called: sets of the same name in two folders are told apart."""
        return f"{_slug(Path(self.name).name)}-{_slug(self.arch)}-{json_digest(absolute(self.name))[:8]}"

    @property
    def model_file(self) -> str:
        """Where the network lies."""
        return f"seed{self.seed}/models/{self.stem}.safetensors"

    @property
    def rows_file(self) -> str:
        """Where its rows are kept."""
        return f"seed{self.seed}/rows/{self.stem}.json"

    def __call__(self, worker: Worker) -> list[Row]:
        """A row for each test set and attack."""
        began, path = time.perf_counter(), worker.folder / self.model_file
        (worker.folder / self.rows_file).parent.mkdir(parents=True, exist_ok=True)
        if worker.ranks > 1:
            in_ranks(worker.ranks, worker.machine, _Together(self, worker, "train"))
        self.train(worker)

        def measure() -> list[Row]:
            together = _Together(self, worker, "test")
            rows = in_ranks(worker.ranks, worker.machine, together) if worker.ranks > 1 else self.test(worker)
            text = f"clean {rows[0]['accuracy']:.3f}"
            who = f"seed {self.seed}  {self.name}"
            worker.tell(path.parents[1], who, self.arch, began=began, figures=text)
            return rows

        depends_on = self._depends_on(state_digest(load_model(path, factory=self.arch)), self._tests(worker))
        return list(kept_rows(worker.folder / self.rows_file, depends_on, measure))

    def train(self, worker: Worker) -> None:
        """Train the network, unless it is."""
        data, spec, recipe = self.settings.load(self.name, worker), ModelSpec(self.arch), self.settings.train
        path, machine, world = worker.folder / self.model_file, worker.machine, worker.ranks
        ensure_trained(path, data, spec, recipe, seed=self.seed, machine=machine, overwrite=True, world=world)

    def test(self, worker: Worker) -> list[Row]:
        """The rows of the network, which has been trained."""
        model = load_model(worker.folder / self.model_file, factory=self.arch)
        about: Row = {"train_set": self.name, "training": "standard", "architecture": self.arch}
        attacks, machine = self.settings.evaluate.attacks(), worker.machine
        return [
            {**about, "test_set": name, **row}
            for name, test in self._tests(worker).items()
            for row in evaluate(model, test.test, attacks, seed=self.seed, machine=machine)
        ]

    def _tests(self, worker: Worker) -> dict[str, ImageData]:
        own = self.settings.load(self.name, worker)
        return {"source": own, **{name: self.settings.load(name, worker) for name in self.settings.tests()}}

    def _depends_on(self, model: str, tests: Mapping[str, ImageData]) -> Fields:
        attacks = [asdict(attack) for attack in self.settings.evaluate.attacks()]
        digests = {name: test.digest for name, test in tests.items()}
        return {"train_set": self.name, "model": model, "attacks": attacks, "seed": self.seed, "tests": digests}


@dataclass(frozen=True)
class _Together:
    """What each of several processes does for `work`: a `part` of it."""

    work: TrainAndTest
    worker: Worker
    part: Literal["train", "test"]

    def __call__(self, machine: Machine) -> list[Row]:
        worker = replace(self.worker, machine=machine, download=False)
        if self.part == "test":
            return self.work.test(worker)
        self.work.train(worker)
        return []


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)
