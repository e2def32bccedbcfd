"""The jobs that train the two networks."""

import time
from dataclasses import dataclass
from pathlib import Path

from featsplit.engine.jobs import Job, Worker
from featsplit.evaluation import Probe
from featsplit.files import nothing_written_since
from featsplit.rows import Row
from featsplit.studies.given import take
from featsplit.studies.kurakin2017.place import Place, Role
from featsplit.training import ensure_trained


@dataclass(frozen=True)
class Train:
    """Train the network of `role`, or take the one that is given."""

    place: Place
    role: Role

    def __call__(self, worker: Worker) -> list[Row]:
        """No rows: what it is worth is measured where it is used."""
        began, settings = time.perf_counter(), self.place.settings
        path = worker.folder / self.place.model_file(self.role)
        path.parent.mkdir(parents=True, exist_ok=True)
        given = settings.networks.standard
        if self.role == "source" and given is not None:
            factory = settings.networks.factory_of(given, settings.model.arch)
            take(Path(given), "standard", path, worker.data(settings.data), factory=factory)
            worker.tell(path.parents[1], f"seed {self.place.seed}", "take source", began=began, figures=given)
            return []
        metadata = ensure_trained(
            path,
            worker.data(settings.data),
            settings.model if self.role == "source" else settings.other,
            settings.train,
            seed=2 * self.place.seed + (self.role == "other"),
            machine=worker.machine,
            overwrite=True,
            probe=Probe("linf", min(settings.eps) / 255),
        )
        figures = f"clean {metadata.results['test_accuracy']:.3f}"
        worker.tell(
            path.parents[1],
            f"seed {self.place.seed}",
            f"train {self.role}",
            began=began,
            figures=figures,
            kept=nothing_written_since(began),
        )
        return []


def training(place: Place, role: Role) -> Job:
    """The job that trains the network of `role`."""
    return Job(place.key(role), Train(place, role), files=(place.model_file(role),))
