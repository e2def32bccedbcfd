"""A network as an encoder: the output of one of its layers is the representation, and there need be no head.

The layer is named as `named_modules` names it; "output" stands for what the whole network returns. Whatever comes after
it is not run.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from featsplit.errors import FeatsplitError
from featsplit.models.classifier import Classifier, in_mode, size
from featsplit.models.user_code import raised
from featsplit.records.models import OUTPUT, Pool


class Cut(nn.Module):
    """`network` up to the first output of its layer called `layer`, pooled by `pool` to (N, features)."""

    def __init__(self, network: nn.Module, layer: str, pool: Pool) -> None:
        super().__init__()
        self.network, self.layer, self.pool = network, layer, pool

    def forward(self, inputs: Tensor) -> Tensor:
        """Images (N, C, H, W), as the network takes them, to (N, features)."""
        if self.layer == OUTPUT:
            return pooled(encoded(self.network(inputs)), self.pool)
        handle = self.network.get_submodule(self.layer).register_forward_hook(_stop)
        try:
            self.network(inputs)
        except _ReachedError as reached:
            return pooled(encoded(reached.output), self.pool)
        finally:
            handle.remove()
        raise FeatsplitError(f'layer "{self.layer}": does not run where the network computes its output; name another')


class LayerInfo(NamedTuple):
    """A layer by its `name`, what `kind` of module it is, and the `shape` of its output without the images' number.

    `shape` is None where it is no tensor.
    """

    name: str
    kind: str
    shape: tuple[int, ...] | None


def encoder_of(
    network: nn.Module,
    layer: str,
    pool: Pool | None = None,
    *,
    shape: tuple[int, int, int],
    classes: int = 0,
    place: str = "model",
) -> Classifier:
    """A Classifier whose representation is the output of `layer` of `network`, pooled; its head is all zeros.

    - network: takes images (N, C, H, W); it is not copied.
    - layer: its name in `named_modules`, or "output".
    - pool: "mean" (None) or "max" over the places of a map or the tokens, "first", the first token, or "flatten". A map
      whose first two sizes alone are equal is taken as height, width, channels; one of three sizes is refused.
    - classes: of the head; 0: there is none.

    Raises FeatsplitError at `place` where there is no such layer, it does not run, its output is no tensor or cannot be
    pooled so, or has no gradient to the image.
    """
    names = [name for name, _ in network.named_modules() if name]
    if layer != OUTPUT and layer not in names:
        nearest = ", ".join(get_close_matches(layer, names, n=3)) or ", ".join(names[:3])
        raise FeatsplitError(f'{place}: has no layer "{layer}", but {nearest} ...: featsplit info MODEL --layers')
    body = Cut(network, layer, pool or "mean")
    features = _features(body, shape, f'{place}: layer "{layer}"')
    return Classifier(body, _zeros(features, classes), shape=shape)


def cut(model: Classifier, layer: str, pool: Pool | None = None, *, place: str = "model") -> Classifier:
    """The classifier or encoder `model` as an encoder that ends at `layer`; see `encoder_of`.

    It shares the weights of `model`, and has its normalisation and mode, but no head.
    """
    found = encoder_of(inner(model), layer, pool, shape=model.shape, place=place)
    found.normalise_to(model.mean, model.std)
    found.training = found.body.training = model.training  # the layers are those of the model, as they are
    return found.to(model.mean.device)


def inner(model: Classifier) -> nn.Module:
    """The network in `model` whose layers have the names that its author gave them."""
    return model.body.network if isinstance(model.body, Cut) else model.body


def layers_of(model: Classifier) -> list[LayerInfo]:
    """The layers of the network in `model` that run, in the order in which they end; then its whole output."""
    found: list[LayerInfo] = []
    network = inner(model)

    def note(name: str, layer: nn.Module, _: object, output: object) -> None:
        inside = _tensor_in(output)
        found.append(LayerInfo(name, type(layer).__name__, None if inside is None else tuple(inside.shape[1:])))

    handles = [layer.register_forward_hook(partial(note, name or OUTPUT)) for name, layer in network.named_modules()]
    probe = torch.rand((2, *model.shape), generator=torch.Generator().manual_seed(0)).to(model.mean.device)
    try:
        with torch.no_grad(), in_mode(network, training=False):
            network(probe)
    finally:
        for handle in handles:
            handle.remove()
    return list({info.name: info for info in reversed(found)}.values())[::-1]


def encoded(result: object) -> Tensor:
    """What an encoder means by its `result`: itself, its pooled output, its last hidden state, or the first of several.

    Raises FeatsplitError where there is no tensor in it.
    """
    found = _tensor_in(result)
    if found is None:
        raise FeatsplitError(f"the layer returns a {type(result).__name__}, and no tensor; name another")
    return found


def pooled(output: Tensor, pool: Pool) -> Tensor:
    """`output` (N, F), (N, tokens, F), (N, F, H, W) or (N, H, W, F) as (N, features)."""
    if pool == "flatten" or output.ndim == 2:
        return output.flatten(1)
    if output.ndim == 4:
        if pool == "first":
            raise FeatsplitError('pool "first": is of tokens, and this is a map; take mean, max or flatten')
        output = _places(output)
    if output.ndim != 3:
        raise FeatsplitError(f'pool "{pool}": is of maps and tokens, and this is {size(tuple(output.shape[1:]))}')
    if pool == "first":
        return output[:, 0]
    return output.mean(dim=1) if pool == "mean" else output.amax(dim=1)


def _zeros(features: int, classes: int) -> nn.Linear:
    """A linear layer of zeros; torch itself would warn of one without classes."""
    head = nn.Linear(features, 1)
    head.out_features = classes
    head.weight = nn.Parameter(torch.zeros(classes, features))
    head.bias = nn.Parameter(torch.zeros(classes))
    return head


def _places(output: Tensor) -> Tensor:
    """A map as (N, places, F); FeatsplitError where its sizes do not tell which of them are height and width."""
    first, second, third = output.shape[1:]
    if second == third:
        return output.flatten(2).transpose(1, 2)
    if first == second:
        return output.flatten(1, 2)
    raise FeatsplitError(f"a map of {first} x {second} x {third}: which are height and width? take pool flatten")


class _ReachedError(Exception):
    """The layer has run, and this is its `output`."""

    def __init__(self, output: object) -> None:
        super().__init__()
        self.output = output


def _stop(layer: nn.Module, inputs: object, output: object) -> None:
    raise _ReachedError(output)


def _tensor_in(result: object) -> Tensor | None:
    if isinstance(result, Tensor):
        return result
    for name in ("pooler_output", "image_embeds", "last_hidden_state", "logits"):
        value = result.get(name) if isinstance(result, Mapping) else getattr(result, name, None)
        if isinstance(value, Tensor):
            return value
    return _tensor_in(result[0]) if isinstance(result, tuple | list) and result else None


def _features(body: Cut, shape: tuple[int, int, int], place: str) -> int:
    """How many features `body` gives for images of `shape`; FeatsplitError at `place` where it is no representation."""
    device = next((tensor.device for tensor in (*body.parameters(), *body.buffers())), torch.device("cpu"))
    probe = torch.rand((2, *shape), generator=torch.Generator().manual_seed(0)).to(device).requires_grad_(True)
    try:
        with torch.enable_grad(), in_mode(body, training=False):
            found = body(probe)
    except FeatsplitError as error:
        raise FeatsplitError(f"{place}: {error}") from error
    except Exception as error:
        raise FeatsplitError(f"{place}: cannot take images of {size(shape)}: {raised(error)}") from error
    if found.ndim != 2 or len(found) != 2 or not found.shape[1] or not found.is_floating_point():
        raise FeatsplitError(f"{place}: gives {tuple(found.shape)} of {found.dtype} for 2 images, not (2, features)")
    if not found.requires_grad:
        raise FeatsplitError(f"{place}: has no gradient to the image, so nothing can be matched by it; name another")
    return int(found.shape[1])
