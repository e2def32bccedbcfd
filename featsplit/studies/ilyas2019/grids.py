"""The pictures of a run: examples of every set beside their sources; of planted data the truth."""

from dataclasses import dataclass

from featsplit.data.planted import write_truth
from featsplit.engine.jobs import Worker
from featsplit.report.examples import keep_examples
from featsplit.report.grids import draw_grid
from featsplit.rows import Row
from featsplit.studies.ilyas2019.networks import Network
from featsplit.studies.ilyas2019.stages import Place, Stages


@dataclass(frozen=True)
class DrawGrid:
    """Draw examples of the set called `name`; keep some with what `networks` of the run predict of them."""

    place: Place
    name: str
    networks: tuple[Network, ...]

    def __call__(self, worker: Worker) -> list[Row]:
        """No rows: grids/NAME.png and grids/NAME.safetensors."""
        stages = Stages(worker, self.place)
        path, grids = stages.set_file(self.name), stages.folder / "grids"
        draw_grid(path, grids / f"{self.name}.png", source=stages.data)
        networks = [stages.network(network) for network in self.networks]
        keep_examples(path, grids / f"{self.name}.safetensors", source=stages.data, networks=networks)
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
