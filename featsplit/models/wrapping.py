"""Put a network of any architecture behind the interface of a `Classifier`.

The representation g(x) is the output of the penultimate layer: what the `nn.Linear` that computes the logits reads
(arXiv:1905.02175, section 3.1). That layer is found by running the network, and is taken out of it, so that
representation and logits are `body(normalised)` and `head(body(normalised))` for every architecture. A network where
this is not so, in eval mode or in train mode, is refused.
"""

import copy
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from featsplit.errors import FeatsplitError
from featsplit.models.classifier import Classifier, in_mode, size, tensor_in
from featsplit.models.moments import told_moments
from featsplit.models.user_code import raised

RULE = (
    "the network must map images (N, C, H, W) to logits (N, classes), and its last layer must be one torch.nn.Linear "
    "whose output is the logits and whose input, (N, features), is the representation, or a convolution of 1 x 1 on "
    "one pixel"
)


def wrap(
    network: nn.Module,
    *,
    shape: tuple[int, int, int],
    classes: int,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    place: str = "model",
    cure: str = "wrap(..., mean=(...), std=(...)), one number for each channel",
) -> Classifier:
    """A Classifier around `network`, which must obey `RULE`; raises FeatsplitError, naming `place`, where it does not.

    It works on a copy of the network, with its weights as they are, and probes it with two images of `shape`, in eval
    mode and in train mode. Where it returns several tensors in train mode (the logits of auxiliary heads), the first
    must be the logits; the others are not used.

    `mean` and `std`, one number for each channel of pixels in [0, 1], are the normalisation that the network was
    trained with; without them there is none, and a warning says so, with the `cure`. `train` replaces them by those of
    its own images.
    """
    normalise = told_moments(shape, mean, std)
    model = classifier_of(network, shape=shape, classes=classes, place=place)
    normalise(model, place, cure)
    return model


def classifier_of(network: nn.Module, *, shape: tuple[int, int, int], classes: int, place: str) -> Classifier:
    """`wrap` without a normalisation, for a network that is yet to be trained."""
    network = _copied(network, place)
    probe = torch.rand((2, *shape), generator=torch.Generator().manual_seed(0))
    with torch.random.fork_rng(devices=[]):
        name, expected = _head(network, probe, place)
        head = network.get_submodule(name)
        if isinstance(head, nn.Conv2d):
            pointwise = PointwiseHead(head)
            _replace(network, head, pointwise)
            name, head = f"{name}.linear", pointwise.linear
        assert isinstance(head, nn.Linear)
        trained, _ = _head(copy.deepcopy(network), probe, place, training=True)
        if trained != name:
            raise FeatsplitError(f'{place}: its logits are those of "{name}", in train mode of "{trained}": {RULE}')
        body = _replace(network, head, nn.Identity())
        representation = _tensor(_run(body, probe, place).result, place)
    if expected.shape != (2, classes) or representation.shape != (2, head.in_features):
        found = f"logits {tuple(expected.shape)}, input of the last linear layer {tuple(representation.shape)}"
        raise FeatsplitError(f"{place}: {found} for 2 images of {classes} classes: {RULE}")
    if not torch.allclose(head(representation), expected, atol=1e-4):
        raise FeatsplitError(f'{place}: something follows its last linear layer "{name}": {RULE}')
    return Classifier(body, head, shape=shape)


class Headless(NamedTuple):
    """A network without the layer, by the name `head`, that computes its logits; None: it had none."""

    network: nn.Module
    head: str | None


def headless(network: nn.Module, *, shape: tuple[int, int, int]) -> Headless:
    """`network` with the layer that computes its logits replaced by the identity; as it is where there is none."""
    probe = torch.rand((2, *shape), generator=torch.Generator().manual_seed(0))
    with torch.random.fork_rng(devices=[]):
        try:
            name, _ = _head(network, probe, "model")
        except FeatsplitError:
            return Headless(network, None)
    return Headless(_replace(network, network.get_submodule(name), nn.Identity()), name)


class PointwiseHead(nn.Module):
    """A convolution of 1 x 1 on maps of one pixel as the linear layer that it is: (N, F, 1, 1) to (N, K, 1, 1)."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        features, classes, bias = convolution.in_channels, convolution.out_channels, convolution.bias
        self.linear = nn.Linear(features, classes, bias=bias is not None)
        with torch.no_grad():
            self.linear.weight.copy_(convolution.weight.flatten(1))
            if bias is not None:
                self.linear.bias.copy_(bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """The output of the convolution."""
        outputs: Tensor = self.linear(inputs.flatten(1))[..., None, None]
        return outputs


class _Call(NamedTuple):
    """A layer that has run: its name, itself, and its output, (N, features), if it is a linear layer."""

    name: str
    layer: nn.Module
    output: Tensor | None


class _Run(NamedTuple):
    """What a network returned, and its layers in the order in which they ran."""

    result: object
    calls: list[_Call]


def _head(network: nn.Module, probe: Tensor, place: str, *, training: bool = False) -> tuple[str, Tensor]:
    """The name of the linear layer whose output is the logits, and the logits."""
    linear = any(isinstance(layer, nn.Linear) for layer in network.modules())
    if not linear and not any(map(_is_pointwise, network.modules())):
        raise FeatsplitError(f"{place}: gives no representation, having no torch.nn.Linear layer: {RULE}")
    run = _run(network, probe, place, training=training)
    logits = _tensor(run.result, place, training=training)
    for call in reversed(run.calls):
        if call.output is not None and _equal(call.output, logits):
            return call.name, logits
    raise FeatsplitError(f"{place}: {_when(training)}{_what_follows(run.calls, linear)}: {RULE}")


def _run(network: nn.Module, probe: Tensor, place: str, *, training: bool = False) -> _Run:
    """Run `network` on the images `probe`, without a gradient and with the same randomness each time.

    In train mode it may change its statistics.
    """
    calls: list[_Call] = []

    def note(name: str, layer: nn.Module, _: object, output: object) -> None:
        kept = output if isinstance(layer, nn.Linear) and isinstance(output, Tensor) else None
        if _is_pointwise(layer) and isinstance(output, Tensor) and output.shape[2:] == (1, 1):
            kept = output.flatten(1)
        calls.append(_Call(name, layer, None if kept is None else kept.clone()))

    layers = [(n, m) for n, m in network.named_modules() if isinstance(m, nn.Linear) or not any(m.children())]
    hooks = [layer.register_forward_hook(partial(note, name)) for name, layer in layers]
    torch.default_generator.manual_seed(0)
    try:
        with torch.no_grad(), in_mode(network, training=training):
            return _Run(network(probe), calls)
    except Exception as error:
        images = size(tuple(probe.shape[1:]))
        cure = "; build it without what it does in training alone, such as aux_logits=False" if training else ""
        raise FeatsplitError(
            f"{place}: {_when(training)}cannot take images of {images}: {raised(error)}{cure}"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()


def _tensor(result: object, place: str, *, training: bool = False) -> Tensor:
    """The logits in what a network returned: all of it, its `logits`, and in train mode the first of several."""
    several = isinstance(result, tuple | list)
    first = result if several and not training else tensor_in(result)
    if not isinstance(first, Tensor):
        kind = type(result).__name__
        raise FeatsplitError(f"{place}: {_when(training)}returns a {kind}, not a tensor of logits: {RULE}")
    return first


def _equal(output: Tensor, logits: Tensor) -> bool:
    """Also where both are NaN, as in the train mode of a network that has diverged."""
    alike = output.shape == logits.shape and output.dtype == logits.dtype
    return alike and torch.allclose(output, logits, rtol=0, atol=0, equal_nan=True)


def _what_follows(calls: list[_Call], linear: bool) -> str:
    """Why the output of the linear layer that ran last is not the logits; whether the network has a `linear` one."""
    last = next((call for call in reversed(calls) if call.output is not None), None)
    if last is None and not linear:
        return "gives no representation, having no torch.nn.Linear layer"
    if last is None:
        return "does not call its torch.nn.Linear layers as modules"
    follower = "something" if calls[-1] is last else f'{type(calls[-1].layer).__name__} "{calls[-1].name}"'
    return f'{follower} follows its last linear layer "{last.name}"'


def _is_pointwise(layer: nn.Module) -> bool:
    """Whether it is a convolution of 1 x 1, which on a map of one pixel is a linear layer."""
    return isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1) and layer.groups == 1


def _replace(network: nn.Module, old: nn.Module, new: nn.Module) -> nn.Module:
    """`network` with the layer `old` replaced by `new`, under every name that it has."""
    if network is old:
        return new
    for name, layer in list(network.named_modules(remove_duplicate=False)):
        if layer is old:
            parent, _, leaf = name.rpartition(".")
            setattr(network.get_submodule(parent), leaf, new)
    return network


def _copied(network: nn.Module, place: str) -> nn.Module:
    try:
        return copy.deepcopy(network).cpu()
    except Exception as error:
        cure = "run it once under torch.no_grad() first, if it keeps tensors that have a gradient"
        raise FeatsplitError(f"{place}: cannot be copied: {raised(error)}; {cure}") from error


def _when(training: bool) -> str:
    return "in train mode " if training else ""
