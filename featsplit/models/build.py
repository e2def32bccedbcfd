"""Build a classifier by the name of its architecture, or from the user's own `module:function`."""

from dataclasses import dataclass, field

import torch
from torch import nn

from featsplit.errors import FeatsplitError, unknown
from featsplit.models import small
from featsplit.models.classifier import Classifier
from featsplit.models.imagenet import IMAGENET_ARCHITECTURES, imagenet_network
from featsplit.models.paper import PAPER_ARCHITECTURES, paper_network
from featsplit.models.user_code import network_of
from featsplit.models.wrapping import classifier_of

SMALL_ARCHITECTURES = ("linear", "mlp", "cnn", "flatcnn", "vgg7", "densenet10", "resnet8", "resnet14")
WITH_WIDTH, WITH_STAGES = ("mlp", "cnn", "flatcnn", "vgg7", "resnet8", "resnet14"), ("resnet8", "resnet14")
ARCHITECTURES = (*SMALL_ARCHITECTURES, *PAPER_ARCHITECTURES, *IMAGENET_ARCHITECTURES)


@dataclass(frozen=True)
class ModelSpec:
    """An architecture by name, or as `module:function`; `width` and `stages` where it has them (None: its default).

    The function is called as `function(shape=(C, H, W), classes=K)` and returns an `nn.Module` (see `wrap`).
    """

    arch: str = field(
        default="resnet8", metadata={"help": f"{', '.join(ARCHITECTURES)}, or module:function.", "unit": "NAME"}
    )
    width: int | None = field(
        default=None, metadata={"help": f"Channels of the first stage ({', '.join(WITH_WIDTH)})."}
    )
    stages: int | None = field(default=None, metadata={"help": f"Stages of {' and '.join(WITH_STAGES)}."})

    def check(self, place: str = "model") -> None:
        """Raise FeatsplitError where the name is unknown or a parameter does not belong to it."""
        if ":" not in self.arch and self.arch not in ARCHITECTURES:
            raise unknown(f"{place}.arch", self.arch, [*ARCHITECTURES, "module:function"])
        for name, allowed in (("width", WITH_WIDTH), ("stages", WITH_STAGES)):
            value = getattr(self, name)
            if value is None:
                continue
            if self.arch not in allowed:
                raise FeatsplitError(f'{place}.{name} = {value}: "{self.arch}" has none; only {", ".join(allowed)}')
            if value < 1:
                raise FeatsplitError(f"{place}.{name} = {value}: must be at least 1")


def build(spec: ModelSpec | str, *, shape: tuple[int, int, int], classes: int, seed: int = 0) -> Classifier:
    """A freshly initialised Classifier for images (C, H, W) of `shape`; the same weights for the same `seed`.

    Raises FeatsplitError for an unknown architecture, a size it cannot take, or a network that gives no representation.
    """
    spec = ModelSpec(spec) if isinstance(spec, str) else spec
    spec.check()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed % 2**63)
        network = _network(spec, shape=shape, classes=classes)
    return classifier_of(network, shape=shape, classes=classes, place=f'model.arch = "{spec.arch}"')


def _network(spec: ModelSpec, *, shape: tuple[int, int, int], classes: int) -> nn.Module:
    if ":" in spec.arch:
        return network_of(spec.arch, shape=shape, classes=classes)
    if spec.arch in PAPER_ARCHITECTURES:
        return paper_network(spec.arch, shape=shape, classes=classes)
    if spec.arch in IMAGENET_ARCHITECTURES:
        return imagenet_network(spec.arch, shape=shape, classes=classes)
    parameters = {name: value for name in ("width", "stages") if (value := getattr(spec, name)) is not None}
    network: nn.Module = getattr(small, spec.arch)(shape=shape, classes=classes, **parameters)
    return network
