"""The jobs that train the two networks."""

import time
from dataclasses import dataclass

from featsplit.engine.jobs import Job, Worker
from featsplit.rows import Row
from featsplit.studies.kurakin2017.place import Place, Role
from featsplit.training import ensure_trained


@dataclass(frozen=True)
class Train:
    """Train the network of `role`."""

    place: Place
    role: Role

    def __call__(self, worker: Worker) -> list[Row]:
        """No rows: what it is worth is measured where it is used."""
        began, settings = time.perf_counter(), self.place.settings
        path = worker.folder / self.place.model_file(self.role)
        path.parent.mkdir(parents=True, exist_ok=True)
        metadata = ensure_trained(
            path,
            worker.data(settings.data),
            settings.model if self.role == "source" else settings.other,
            settings.train,
            seed=2 * self.place.seed + (self.role == "other"),
            machine=worker.machine,
            overwrite=True,
        )
        figures = f"clean {metadata.results['test_accuracy']:.3f}"
        worker.tell(path.parents[1], f"seed {self.place.seed}", f"train {self.role}", began=began, figures=figures)
        return []


def training(place: Place, role: Role) -> Job:
    """The job that trains the network of `role`."""
    return Job(place.key(role), Train(place, role), files=(place.model_file(role),))
