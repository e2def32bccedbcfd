"""The weights in a file of somebody else's, read without running anything that is in it, and put into a network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from featsplit.errors import FeatsplitError
from featsplit.pickles import Inert, opened, weights

PLACES = ("state_dict", "model_state_dict", "model", "net", "network", "module", "last")
"""Where programs put the weights in what they save, the likeliest first."""
STARTS = ("module.", "_orig_mod.", "model.", "network.", "net.")
"""What programs put before the names of all weights: wrappers for several GPUs, for compilation, for training."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors in a file of safetensors or torch.save, by their names there.

    Of torch.save the weights alone, or a dict that has them in one of `PLACES`. Raises FeatsplitError where there are
    none, or something among them that is no tensor.
    """
    if not path.is_file():
        raise FeatsplitError(f"{path}: no such file")
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise FeatsplitError(f"{path}: is no readable safetensors file: {error}") from error
    with opened(path) as file:
        place, node = _found(file.tree)
        nodes = weights(f"{path}: {place}" if place else str(path), node)
        return dict(zip(nodes, file.tensors(list(nodes.values())), strict=True))


def fill(network: nn.Module, tensors: Mapping[str, Tensor], place: str, *, without: str | None = None) -> None:
    """Put `tensors` into `network`, of which they must be the weights, all of them and no more.

    What stands before all names alike, such as "module.", is left out, and so are those of a layer that the network is
    `without` (None: it is whole). Raises FeatsplitError at `place` with the first
    name that is missing, too much, or of another shape.
    """
    expected = network.state_dict()
    found = _named(tensors, expected)
    if without is not None:
        found = {name: tensor for name, tensor in found.items() if not name.startswith(f"{without}.")}
    for name, tensor in expected.items():
        if name not in found:
            if name.endswith("num_batches_tracked"):
                found[name] = tensor
                continue
            more = next((other for other in found if other not in expected), None)
            hint = f', but "{more}"' if more else ""
            raise FeatsplitError(f'{place}: has no "{name}"{hint}; is it of this network?')
        if found[name].shape != tensor.shape:
            theirs, ours = tuple(found[name].shape), tuple(tensor.shape)
            raise FeatsplitError(f'{place}: "{name}" is {theirs}, the network\'s {ours}: other images, or classes?')
        if found[name].is_floating_point() and not bool(torch.isfinite(found[name].float()).all()):
            raise FeatsplitError(f'{place}: "{name}" has numbers that no network can use; copy it again')
    more = next((name for name in found if name not in expected), None)
    if more is not None:
        raise FeatsplitError(f'{place}: has "{more}", which the network has not; is it of this network?')
    network.load_state_dict(found)


def _found(tree: Any) -> tuple[str, Any]:
    """Where in what was saved the weights are, and they."""
    if isinstance(tree, dict):
        for place in PLACES:
            if isinstance(tree.get(place), dict | Inert):
                return place, tree[place]
    return "", tree


def _named(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`tensors` by the names that are `expected`, as far as what stands before all of them says."""
    found = dict(tensors)
    while not set(expected) & set(found):
        start = next((start for start in STARTS if found and all(name.startswith(start) for name in found)), None)
        if start is None:
            break
        found = {name.removeprefix(start): tensor for name, tensor in found.items()}
    return found
