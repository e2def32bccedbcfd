"""How an encoder is trained without labels, as a record."""

import math
from dataclasses import dataclass

from featsplit.errors import FeatsplitError, check_count, check_positive
from featsplit.records.training import check_augment


@dataclass(frozen=True)
class SimCLR:
    """Contrastive learning (arXiv:2002.05709): SGD with Nesterov's momentum, whose rate rises for an epoch and falls.

    Each image is augmented twice; the two are to be told from all other images of the batch, by a `projection` of the
    representation to so many numbers, at the `temperature`.
    """

    epochs: int = 40
    batch_size: int = 256
    lr: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 5e-4
    temperature: float = 0.5
    projection: int = 64
    augment: tuple[str, ...] = ("random-resized-crop", "flip", "strong-color-jitter", "grey")

    def check(self, place: str = "simclr") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        for name in ("epochs", "batch_size", "projection"):
            check_count(f"{place}.{name}", getattr(self, name))
        if self.batch_size < 2:
            raise FeatsplitError(f"{place}.batch_size = 1: an image is told from the others of its batch; at least 2")
        for name in ("lr", "temperature"):
            check_positive(f"{place}.{name}", getattr(self, name))
        if not 0 <= self.momentum < 1:
            raise FeatsplitError(f"{place}.momentum = {self.momentum:g}: must be in [0, 1)")
        if not 0 <= self.weight_decay < math.inf:
            raise FeatsplitError(f"{place}.weight_decay = {self.weight_decay:g}: must be at least 0")
        if not self.augment:
            raise FeatsplitError(f"{place}.augment = []: two views of an image must differ; give some augmentation")
        check_augment(self.augment, f"{place}.augment")

    def rate(self, epoch: float) -> float:
        """The learning rate at `epoch`, counted in fractions from 0."""
        if epoch < 1 < self.epochs:
            return self.lr * epoch
        return self.lr * (1 + math.cos(math.pi * epoch / self.epochs)) / 2
