"""The networks of the paper's Tables 1 to 4: their layers, their weight decay, and what each is trained on."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from torch import nn

from featsplit.models import ModelSpec
from featsplit.randomness import stage_key
from featsplit.studies.szegedy2014.settings import Settings

HERE = "featsplit.studies.szegedy2014.networks"
Shape = tuple[int, int, int]
TrainSet = Literal["source", "P1", "P2"]


def fc100_100_10(*, shape: Shape, classes: int) -> nn.Module:
    """Two layers of 100 sigmoid units."""
    return _sigmoid_layers(shape, (100, 100), classes)


def fc200_200_10(*, shape: Shape, classes: int) -> nn.Module:
    """Two layers of 200 sigmoid units."""
    return _sigmoid_layers(shape, (200, 200), classes)


def fc123_456_10(*, shape: Shape, classes: int) -> nn.Module:
    """A layer of 123 and one of 456 sigmoid units."""
    return _sigmoid_layers(shape, (123, 456), classes)


def ae400_10(*, shape: Shape, classes: int) -> nn.Module:
    """The 400 sigmoid units of an autoencoder, and a softmax on them."""
    return _sigmoid_layers(shape, (400,), classes)


def _sigmoid_layers(shape: Shape, hidden: tuple[int, ...], classes: int) -> nn.Module:
    channels, height, width = shape
    sizes = (channels * height * width, *hidden)
    layers = [layer for inner, outer in pairwise(sizes) for layer in (nn.Linear(inner, outer), nn.Sigmoid())]
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(sizes[-1], classes))


@dataclass(frozen=True)
class Network:
    """A network by its `name` in the paper, with its architecture and the `decay` lambda of each layer.

    `train_set` is the source or one of its halves, P1 and P2. An `autoencoder` has its first layer from one, frozen.
    """

    name: str
    file: str
    arch: str
    decay: tuple[float, ...]
    train_set: TrainSet = "source"
    autoencoder: bool = False

    @property
    def spec(self) -> ModelSpec:
        """Its architecture."""
        return ModelSpec(self.arch)

    @property
    def is_linear(self) -> bool:
        """Whether its nearest adversarial images are known exactly."""
        return self.arch == "linear"

    def seed(self, seed: int) -> int:
        """The seed of its initial weights, in a run of this `seed`."""
        return stage_key(seed, f"szegedy2014/{self.file}") % 2**31


_SIGMOID = (1e-5, 1e-5, 1e-6)
MODELS = (
    Network("FC10(1e-4)", "fc10-0.0001", "linear", (1e-4,)),
    Network("FC10(1e-2)", "fc10-0.01", "linear", (1e-2,)),
    Network("FC10(1)", "fc10-1", "linear", (1.0,)),
    Network("FC100-100-10", "fc100-100-10", f"{HERE}:fc100_100_10", _SIGMOID),
    Network("FC200-200-10", "fc200-200-10", f"{HERE}:fc200_200_10", _SIGMOID),
    Network("AE400-10", "ae400-10", f"{HERE}:ae400_10", (1e-6,), autoencoder=True),
)
"""The six of Tables 1 and 2."""
HALVES = (
    Network("FC100-100-10", "half-fc100-100-10", f"{HERE}:fc100_100_10", _SIGMOID, "P1"),
    Network("FC123-456-10", "half-fc123-456-10", f"{HERE}:fc123_456_10", _SIGMOID, "P1"),
    Network("FC100-100-10'", "half-fc100-100-10-other", f"{HERE}:fc100_100_10", _SIGMOID, "P2"),
)
"""The three of Tables 3 and 4."""
GROUPS = {"models": MODELS, "halves": HALVES}


def trained_in(settings: Settings) -> list[Network]:
    """Those that a run trains, the long ones first."""
    found = [network for name, group in GROUPS.items() if name in settings.experiments for network in group]
    return sorted(found, key=lambda network: network.is_linear)
