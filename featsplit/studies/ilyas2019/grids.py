"""The pictures of a run: examples of every set beside their sources; of planted data the truth."""

from dataclasses import dataclass

from featsplit.data.planted import write_truth
from featsplit.engine.jobs import Worker
from featsplit.report.grids import draw_grid
from featsplit.rows import Row
from featsplit.studies.ilyas2019.stages import Place, Stages


@dataclass(frozen=True)
class DrawGrid:
    """Draw examples of the set called `name`."""

    place: Place
    name: str

    def __call__(self, worker: Worker) -> list[Row]:
        """No rows: grids/NAME.png."""
        stages = Stages(worker, self.place)
        draw_grid(stages.set_file(self.name), stages.folder / "grids" / f"{self.name}.png", source=stages.data)
        return []


@dataclass(frozen=True)
class WriteTruth:
    """Write what is planted in the data."""

    place: Place

    def __call__(self, worker: Worker) -> list[Row]:
        """No rows: truth.npz."""
        stages = Stages(worker, self.place)
        write_truth(stages.folder / "truth.npz", stages.settings.data.source)
        return []
