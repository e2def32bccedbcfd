"""A network that was trained elsewhere, as a Classifier: of a library, or of the user's own code."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from featsplit.errors import FeatsplitError
from featsplit.metadata.plain import Fields
from featsplit.metadata.training import Training, adversary_of
from featsplit.models.build import ModelSpec, headless_network, network_for
from featsplit.models.classifier import Classifier
from featsplit.models.encoder import encoder_of
from featsplit.models.libraries import library_moments, library_network
from featsplit.models.moments import told_moments
from featsplit.models.weights import fill, read_weights
from featsplit.models.wrapping import Headless, headless, wrap
from featsplit.records.models import OUTPUT, Pool


@dataclass(frozen=True)
class Foreign:
    """A network from elsewhere: its `arch` (see `ModelSpec`), the file of its `weights`, its normalisation.

    Without `weights` a library's are those that it publishes, which it fetches. Without `mean` and `std`, one number
    for each channel of pixels in [0, 1], those of a library's network are what it says of it; of the user's own there
    are none, and a warning says so. With a `layer` it is an encoder, whose head is left out (see `ModelSpec`).
    """

    arch: str
    weights: Path | None = None
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    layer: str | None = None
    pool: Pool | None = None

    @property
    def spec(self) -> ModelSpec:
        """The architecture, as a checkpoint says it."""
        return ModelSpec(self.arch)

    def spec_for(self, classes: int) -> ModelSpec:
        """The same of the network that `load` makes for data of so many `classes`: of an encoder with its layer."""
        if self.layer is None:
            return self.spec
        return ModelSpec(self.arch, layer=self.layer, pool=self.pool or "mean", built_for=classes)

    def load(self, *, shape: tuple[int, int, int], classes: int) -> Classifier:
        """The network with its weights, for images (C, H, W) of `shape`; on the CPU, in eval mode.

        An encoder has no head, whatever the number of `classes`. Raises FeatsplitError where it cannot be built for
        these images, or the weights are not its own.
        """
        self.spec.check()
        if ":" not in self.arch:
            raise FeatsplitError(
                f"{self.arch}: is an architecture of ours, and no network from elsewhere; give timm:NAME, "
                "torchvision:NAME, module:function or FILE.py:function"
            )
        if self.layer == OUTPUT and self.arch.startswith("torchvision:"):
            raise FeatsplitError(f"{self.arch}: its output are logits; name a layer before them, such as avgpool")
        network = self._network(shape, classes)
        mean, std = self.mean, self.std
        if not self.spec.is_code:
            usual = library_moments(self.arch)
            mean, std = mean or _of_channels(usual.mean, shape[0]), std or _of_channels(usual.std, shape[0])
        cure = "--mean and --std, a number for each channel"
        if self.layer is None:
            return wrap(network, shape=shape, classes=classes, mean=mean, std=std, place=self.arch, cure=cure).eval()
        normalise = told_moments(shape, mean, std)
        encoder = encoder_of(network, self.layer, self.pool, shape=shape, place=self.arch).eval()
        normalise(encoder, self.arch, cure)
        return encoder

    def _network(self, shape: tuple[int, int, int], classes: int) -> nn.Module:
        """The network with its weights; of an encoder without its head."""
        if self.weights is None and self.spec.is_code:
            raise FeatsplitError(f"{self.arch}: has no weights of its own; give the file, --weights FILE")
        if self.weights is None:
            if self.layer is None:
                return library_network(self.arch, shape=shape, classes=classes, pretrained=True)
            network = library_network(self.arch, shape=shape, classes=0, pretrained=True)
            return network if self.layer == OUTPUT else headless(network, shape=shape).network
        if self.layer is None:
            whole = Headless(network_for(self.spec, shape=shape, classes=classes), None)
        else:
            whole = headless_network(self.spec_for(classes), shape=shape, classes=classes)
        fill(whole.network, read_weights(self.weights), str(self.weights), without=whole.head)
        return whole.network

    def recipe(self, training: Training) -> Fields:
        """What the checkpoint says of where it comes from, and of its `training`."""
        origin: dict[str, Fields | str | float | None] = {"imported from": self.arch}
        if self.weights is not None:
            with self.weights.open("rb") as file:
                origin |= {"weights": self.weights.name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
        return {**origin, "adversary": adversary_of(training)}


def _of_channels(moments: Sequence[float], channels: int) -> Sequence[float] | None:
    """`moments` for images of so many `channels`: of three their mean for grey images; else not known."""
    if len(moments) == channels:
        return moments
    return [sum(moments) / len(moments)] if channels == 1 else None
