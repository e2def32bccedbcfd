"""One wrapper for every network: normalisation inside, logits, and the representation.

The representation g(x) is the output of the penultimate layer: what the network's last `nn.Linear` reads
(arXiv:1905.02175, section 3.1). `wrap` takes that layer out of the network, so that representation and logits are
`body(normalised)` and `head(body(normalised))` for every architecture, and it refuses a network where this is not so.
"""

import copy

import torch
from torch import Tensor, nn

from featsplit.errors import FeatsplitError

RULE = (
    "the network must map images (N, C, H, W) to logits (N, classes), and its last layer must be one torch.nn.Linear "
    "whose output is the logits and whose input, (N, features), is the representation"
)


class Classifier(nn.Module):
    """A network on images in [0, 1]: `logits`, `representation`, and `forward` (the logits).

    `shape` is (C, H, W) of the images and `classes` the number of logits. `mean` and `std` (C,) normalise the inputs.
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

    def representation(self, inputs: Tensor) -> Tensor:
        """g(x), the output of the penultimate layer: (N, C, H, W) in [0, 1] to (N, features)."""
        normalised = (inputs - self.mean[:, None, None]) / self.std[:, None, None]
        representation: Tensor = self.body(normalised)
        return representation

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

    def expect(self, place: str, *, shape: tuple[int, int, int], classes: int) -> None:
        """Raise FeatsplitError unless the images at `place` are those that this network takes."""
        if shape != self.shape:
            raise FeatsplitError(
                f"{place}: images are {_size(shape)}, the model takes {_size(self.shape)}; see --resize"
            )
        if classes != self.classes:
            raise FeatsplitError(
                f"{place}: has {classes} classes, the model {self.classes}; use one trained on this data"
            )


def wrap(network: nn.Module, *, shape: tuple[int, int, int], classes: int, place: str = "model") -> Classifier:
    """A Classifier around `network`, which must obey `RULE`; raises FeatsplitError, naming `place`, where it does not.

    It works on a copy of the network, with its weights as they are, and probes it with two images of `shape`.
    """
    network = copy.deepcopy(network).cpu()
    linears = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Linear)]
    if not linears:
        raise FeatsplitError(f"{place}: gives no representation, having no torch.nn.Linear layer: {RULE}")
    name, head = linears[-1]
    probe = torch.rand((2, *shape), generator=torch.Generator().manual_seed(0))
    expected = _probe(network, probe, place)
    body = _without(network, name)
    representation = _probe(body, probe, place)
    if expected.shape != (2, classes) or representation.shape != (2, head.in_features):
        found = f"logits {tuple(expected.shape)}, input of the last linear layer {tuple(representation.shape)}"
        raise FeatsplitError(f"{place}: {found} for 2 images of {classes} classes: {RULE}")
    if not torch.allclose(head(representation), expected, atol=1e-4):
        raise FeatsplitError(f'{place}: something follows its last linear layer "{name}": {RULE}')
    return Classifier(body, head, shape=shape)


def _probe(network: nn.Module, probe: Tensor, place: str) -> Tensor:
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        with torch.no_grad():
            result = network(probe)
    except (RuntimeError, ValueError, TypeError, AssertionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FeatsplitError(f"{place}: cannot take images of {_size(tuple(probe.shape[1:]))}: {reason}") from error
    finally:
        for module, training in modes:
            module.training = training
    if not isinstance(result, Tensor):
        raise FeatsplitError(f"{place}: returns a {type(result).__name__}, not a tensor of logits: {RULE}")
    return result


def _without(network: nn.Module, name: str) -> nn.Module:
    """`network` with the layer `name` replaced by the identity."""
    if not name:
        return nn.Identity()
    parent, _, leaf = name.rpartition(".")
    setattr(network.get_submodule(parent), leaf, nn.Identity())
    return network


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
