"""What the jobs of a run share: the place of its files, its networks, and the data of each."""

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from featsplit.data.images import ImageData, Split
from featsplit.engine.jobs import Worker
from featsplit.errors import FeatsplitError
from featsplit.files import replacing
from featsplit.models import Classifier, load_model
from featsplit.randomness import torch_generator
from featsplit.runtime import Frozen, frozen
from featsplit.studies.szegedy2014.networks import Network, TrainSet
from featsplit.studies.szegedy2014.settings import Settings


@dataclass(frozen=True)
class Place:
    """A run of one `seed` with its `settings`."""

    settings: Settings
    seed: int

    def file(self, name: str) -> str:
        """A file of its folder, as seen from that of the run; the key of a job likewise."""
        return f"seed{self.seed}/{name}"

    def model_file(self, name: str) -> str:
        """Where the network lies whose file has this `name`."""
        return self.file(f"models/{name}.safetensors")


class Stages:
    """The stages of a run of one seed in its `place`, carried out by a `worker`."""

    def __init__(self, worker: Worker, place: Place) -> None:
        self.worker, self.place, self.settings, self.seed = worker, place, place.settings, place.seed
        self.folder = worker.folder / f"seed{place.seed}"
        self.folder.mkdir(parents=True, exist_ok=True)

    @cached_property
    def data(self) -> ImageData:
        """The source."""
        return self.worker.data(self.settings.data_of(self.seed))

    @cached_property
    def convolutional_data(self) -> ImageData:
        """The source as the convolutional network takes it."""
        return self.worker.data(self.settings.convolutional_data_of(self.seed))

    def split_of(self, train_set: TrainSet) -> Split:
        """The training images of the source, or of a half of them: which, is drawn by the seed."""
        if train_set == "source":
            return self.data.train
        order = torch.randperm(len(self.data.train), generator=torch_generator(self.seed, "szegedy2014/halves"))
        middle = math.ceil(len(order) / 2)
        rows = order[:middle] if train_set == "P1" else order[middle:]
        return self.data.train.take(rows.sort().values)

    def model_path(self, name: str) -> Path:
        """The file of the network whose file has this `name`."""
        return self.worker.folder / self.place.model_file(name)

    def model(self, network: Network) -> Classifier:
        """The network, trained by now."""
        return load_model(self.model_path(network.file), factory=network.arch)

    def ready(self, network: Network) -> Frozen:
        """The network as attacks and tables run it, in float32."""
        return frozen(self.model(network), self.worker.machine.exact)


def kept_tensors(path: Path, key: str) -> dict[str, Tensor] | None:
    """The tensors at `path` where they were kept under this `key`, else None."""
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("key") != key:
                return None
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError, FeatsplitError):
        return None


def tensors_of(path: Path) -> dict[str, Tensor]:
    """The tensors that were kept at `path`, which is there."""
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)


def keep_tensors(path: Path, tensors: dict[str, Tensor], key: str) -> None:
    """Write `tensors` to `path` under this `key`, whole or not at all."""
    with replacing(path) as partial:
        save_file({name: value.contiguous() for name, value in tensors.items()}, partial, metadata={"key": key})
