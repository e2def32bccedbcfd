"""The pictures of a run: examples of every set beside their sources."""

from dataclasses import dataclass

from featsplit.data.planted import is_planted, write_truth
from featsplit.engine.jobs import Worker
from featsplit.report.grids import draw_grid
from featsplit.rows import Row
from featsplit.studies.ilyas2019.stages import Place, Stages


@dataclass(frozen=True)
class DrawGrids:
    """Draw examples of each of the sets called `names`; of planted data write the truth beside them."""

    place: Place
    names: tuple[str, ...]

    def __call__(self, worker: Worker) -> list[Row]:
        """No rows: grids/NAME.png, truth.npz."""
        stages = Stages(worker, self.place)
        for name in self.names:
            draw_grid(stages.set_file(name), stages.folder / "grids" / f"{name}.png", source=stages.data)
        if is_planted(stages.settings.data.source):
            write_truth(stages.folder / "truth.npz", stages.settings.data.source)
        return []
