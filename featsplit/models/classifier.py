"""The interface of every network: normalisation inside, logits, and the representation (see `wrapping`)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from featsplit.errors import FeatsplitError


class Classifier(nn.Module):
    """A network on images in [0, 1]: `logits`, `representation`, and `forward` (the logits).

    `shape` is (C, H, W) of the images and `classes` the number of logits, 0 of an encoder without a head. `mean` and
    `std` (C,) normalise the inputs.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, body: nn.Module, head: nn.Linear, *, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.body, self.head, self.shape = body, head, shape
        self.register_buffer("mean", torch.zeros(shape[0]))
        self.register_buffer("std", torch.ones(shape[0]))

    @property
    def classes(self) -> int:
        """The number of logits."""
        return self.head.out_features

    @property
    def rough(self) -> "Classifier":
        """The same function for where it need not be exact: here this network itself (see `runtime.Frozen`)."""
        return self

    def representation(self, inputs: Tensor) -> Tensor:
        """g(x), the output of the penultimate layer: (N, C, H, W) in [0, 1] to (N, features)."""
        normalised = (inputs - self.mean[:, None, None]) / self.std[:, None, None]
        found = tensor_in(self.body(normalised))
        assert isinstance(found, Tensor)
        return found

    def logits(self, inputs: Tensor) -> Tensor:
        """(N, C, H, W) in [0, 1] to (N, classes)."""
        logits: Tensor = self.head(self.representation(inputs))
        return logits

    forward = logits

    def normalise_by(self, inputs: Tensor) -> None:
        """Take mean and standard deviation of each channel of `inputs`, (N, C, H, W) in [0, 1]."""
        self.normalise_to(inputs.mean(dim=(0, 2, 3)), inputs.std(dim=(0, 2, 3)))

    def normalise_to(self, mean: Tensor, std: Tensor) -> None:
        """Take these for each channel, (C,) each."""
        self.mean.copy_(mean)
        self.std.copy_(std.clamp_min(1e-3))

    def expect(self, place: str, *, shape: tuple[int, int, int], classes: int | None) -> None:
        """Raise FeatsplitError unless the images at `place` are those that this network takes.

        `classes` None: its logits are not asked for.
        """
        if shape != self.shape:
            raise FeatsplitError(f"{place}: images are {size(shape)}, the model takes {size(self.shape)}; see --resize")
        if classes is not None and not self.classes:
            raise FeatsplitError(
                f"{place}: the model is an encoder without a head, and predicts no label; featsplit probe gives it one"
            )
        if classes not in (None, self.classes):
            raise FeatsplitError(
                f"{place}: has {classes} classes, the model {self.classes}; use one trained on this data"
            )


def tensor_in(result: object) -> object:
    """What a network means by its `result`: itself, its `logits`, or the first of several, as of auxiliary heads."""
    if isinstance(result, Tensor):
        return result
    if isinstance(logits := getattr(result, "logits", None), Tensor):
        return logits
    if isinstance(result, Mapping):
        return result.get("logits", result)
    return result[0] if isinstance(result, tuple | list) and result else result


@contextmanager
def in_mode(network: nn.Module, *, training: bool) -> Iterator[None]:
    """A context with `network` in train or eval mode; afterwards each of its layers is in the mode that it was in."""
    modes = [(module, module.training) for module in network.modules()]
    network.train(training)
    try:
        yield
    finally:
        for module, before in modes:
            module.training = before


def size(shape: tuple[int, ...]) -> str:
    """`3 x 32 x 32`."""
    return " x ".join(map(str, shape))
