"""The jobs of a seed: one for each network."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from featsplit.data.images import digest_of
from featsplit.engine.cache import kept_rows
from featsplit.engine.jobs import Job, Worker
from featsplit.evaluation import layer_robustness, usefulness
from featsplit.evaluation.usefulness import LEVEL
from featsplit.files import json_digest
from featsplit.metadata.plain import Fields
from featsplit.metadata.training import training_of
from featsplit.models.checkpoints import model_spec, read_metadata, state_digest
from featsplit.rows import Row
from featsplit.studies.audit.settings import Settings


def jobs(settings: Settings, seed: int) -> list[Job]:
    """The jobs of `seed`, network by network."""
    works = [AuditNetwork(settings, path, seed) for path in settings.networks]
    return [Job(f"seed{seed}/{work.stem}", work, files=(work.rows_file,)) for work in works]


@dataclass(frozen=True)
class AuditNetwork:
    """How useful and how robust each unit and logit of the network at `path` is, and how far its layers move."""

    settings: Settings
    path: str
    seed: int

    @property
    def stem(self) -> str:
        """What its file is called: networks of the same name in two folders are told apart."""
        return f"{Path(self.path).stem}-{json_digest(str(Path(self.path).absolute()))[:8]}"

    @property
    def rows_file(self) -> str:
        """Where its rows are kept."""
        return f"seed{self.seed}/rows/{self.stem}.json"

    def __call__(self, worker: Worker) -> list[Row]:
        """A row for each unit and logit, and one for each layer."""
        began, kept = time.perf_counter(), worker.folder / self.rows_file
        kept.parent.mkdir(parents=True, exist_ok=True)
        split, adversary = self.settings.images(worker).test, self.settings.adversary
        model, classes = self.settings.network(self.path, worker), len(self.settings.images(worker).classes)
        metadata = read_metadata(Path(self.path))
        training = training_of(metadata.recipe).kind
        about = {"network": self.path, "training": training, "test_set": self.settings.data.source}

        def measure() -> list[Row]:
            machine, seed = worker.machine, self.seed
            units = usefulness(model, split, adversary, classes=classes, seed=seed, machine=machine)
            layers = layer_robustness(model, split, adversary, classes=classes, seed=seed, machine=machine)
            worker.tell(kept.parents[1], self.path, "audit", began=began, figures=f"{len(units)} units and logits")
            found = [*(("audit", row) for row in units), *(("layers", row) for row in layers)]
            return [cast(Row, {**row, "experiment": experiment, **about}) for experiment, row in found]

        test: Fields = {"images": digest_of(split.images), "labels": digest_of(split.labels)}
        cut: Fields = {"layer": self.settings.layer, "pool": self.settings.pool}
        as_run: Fields = {"cut": cut, "network": model_spec(metadata).plain(), "half": worker.machine.half}
        depends_on = {
            "as_run": as_run,
            "adversary": asdict(adversary),
            "seed": self.seed,
            "level": LEVEL,
            "test": test,
            **about,
        }
        return list(kept_rows(kept, {**depends_on, "model": state_digest(model)}, measure))
