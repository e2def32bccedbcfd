"""The job of a seed: every number of the theory, and its simulation."""

import time
from dataclasses import asdict, dataclass

from featsplit.engine.cache import kept_rows
from featsplit.engine.jobs import Job, Worker
from featsplit.studies.gaussians.rows import GaussiansRow
from featsplit.studies.gaussians.settings import Settings
from featsplit.studies.gaussians.simulation import compare


def jobs(settings: Settings, seed: int) -> list[Job]:
    """The one job of `seed`."""
    work = Simulate(settings, seed)
    return [Job(f"seed{seed}/simulation", work, files=(work.file,))]


@dataclass(frozen=True)
class Simulate:
    """Simulate what the theorems say, with one `seed`."""

    settings: Settings
    seed: int

    @property
    def file(self) -> str:
        """Where its rows are kept."""
        return f"seed{self.seed}/rows/simulation.json"

    def __call__(self, worker: Worker) -> list[GaussiansRow]:
        """A row for each number of the theory."""
        began, path = time.perf_counter(), worker.folder / self.file

        def measure() -> list[GaussiansRow]:
            rows = compare(self.settings, seed=self.seed)
            path.parent.mkdir(parents=True, exist_ok=True)
            text = f"{len(rows)} numbers"
            worker.tell(path.parents[1], f"seed {self.seed}", "simulation", began=began, figures=text)
            return rows

        return list(kept_rows(path, {**asdict(self.settings), "name": None, "seed": self.seed}, measure))
