"""The jobs of a seed: one for each arm."""

import time
from dataclasses import asdict, dataclass

from featsplit.engine.cache import kept_rows
from featsplit.engine.jobs import Job, Worker
from featsplit.metadata.plain import Fields
from featsplit.studies.squares.learning import learn
from featsplit.studies.squares.rows import SquaresRow
from featsplit.studies.squares.settings import ARMS, Settings


def jobs(settings: Settings, seed: int) -> list[Job]:
    """The jobs of `seed`: the linear model, the deep one, and the other arms that are chosen."""
    works = [Learn(settings, arm, seed) for arm in dict.fromkeys(("linear", "deep", *settings.arms))]
    return [Job(f"seed{seed}/{work.arm}", work, files=(work.file,)) for work in works]


@dataclass(frozen=True)
class Learn:
    """Let a network learn the squares as in an `arm`, and attack it."""

    settings: Settings
    arm: str
    seed: int

    @property
    def file(self) -> str:
        """Where its rows are kept."""
        return f"seed{self.seed}/rows/{self.arm.replace(',', '').replace(' ', '-')}.json"

    def __call__(self, worker: Worker) -> list[SquaresRow]:
        """The rows of the arm."""
        began, path = time.perf_counter(), worker.folder / self.file

        def measure() -> list[SquaresRow]:
            rows = learn(ARMS[self.arm](self.settings), self.arm, seed=self.seed, machine=worker.machine)
            path.parent.mkdir(parents=True, exist_ok=True)
            text = f"{rows[-1]['epoch']} epochs"
            worker.tell(path.parents[1], f"seed {self.seed}", self.arm, began=began, figures=text)
            return rows

        return list(kept_rows(path, self._depends_on(), measure))

    def _depends_on(self) -> Fields:
        """What decides the rows: the arm's own settings, whatever the others are."""
        return {**asdict(ARMS[self.arm](self.settings)), "name": None, "arms": self.arm, "seed": self.seed}
