r"""The Lipschitz bound of a network, layer by layer, and what it guarantees (arXiv:1312.6199, section 4.3).

    ||phi(x + r) - phi(x)|| <= L ||r||,      L = product over layers of L_k

L_k of a linear layer is its largest singular value. That of a convolution depends on its stride, its padding and the
size of its input, and it is not that of the kernel reshaped to a matrix. ReLU and max pooling without overlap have 1
at most, a sigmoid 1/4; a residual block has the sum of its branch's and its shortcut's. A BatchNorm is folded into the
convolution before it, the normalisation of pixels into the first layer. So no change shorter than margin / (sqrt(2) L)
alters a prediction.
"""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from featsplit.errors import FeatsplitError
from featsplit.geometry import column, lengths
from featsplit.models.classifier import Classifier
from featsplit.models.small import Residual
from featsplit.runtime import batches

SMALL = 3
"""The size from which on Lanczos works."""
FINE = 8
"""How many times finer than its input the frequencies lie at which a kernel is looked at."""
LINEAR = (nn.Conv2d, nn.Linear, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
ONE = (nn.ReLU, nn.Flatten, nn.Identity, nn.Dropout)
"""Layers whose Lipschitz constant is 1 at most."""


class LayerBound(NamedTuple):
    """A layer, its Lipschitz constant `norm`, and of a layer with a kernel two numbers that are taken for it.

    `reshaped` is the largest singular value of the kernel as a matrix, which is no bound. `frequencies` is the largest
    over all frequencies, of a convolution of stride 1: a bound for any size of image, above the norm for this one.
    """

    name: str
    norm: float
    reshaped: float | None = None
    frequencies: float | None = None


def layer_bounds(model: Classifier) -> list[LayerBound]:
    """The bound of each layer of `model` that is not 1, in order; their product bounds its logits on pixels.

    The layers stand one after the other; a residual block counts as one, with the product of its branch and that of its
    shortcut added. Raises FeatsplitError for a layer whose bound is not known.
    """
    nothing = torch.zeros((1, *model.shape), dtype=torch.float64)
    bounds, _ = _bounds([*_flattened(model.body), model.head], nothing, model.std.double()[:, None, None])
    return bounds


def operator_norm(layer: Callable[[Tensor], Tensor], shape: torch.Size) -> float:
    """The largest singular value of the linear part A of an affine `layer` on inputs of `shape`, in float64.

    By Lanczos on A'A: the power method comes from below, and slowly where the largest two are near one another, as
    those of a padded convolution are; what is below the norm is no bound.
    """
    from scipy.sparse.linalg import LinearOperator, eigsh

    with torch.no_grad():
        offset = layer(torch.zeros(shape, dtype=torch.float64))

    def squared(vector: NDArray[np.float64]) -> NDArray[np.float64]:
        point = torch.from_numpy(np.array(vector)).reshape(shape).requires_grad_(True)
        with torch.enable_grad():
            (found,) = torch.autograd.grad((layer(point) - offset).square().sum() / 2, point)
        array: NDArray[np.float64] = found.flatten().numpy()
        return array

    size = math.prod(shape)
    if size < SMALL:
        return math.sqrt(np.linalg.norm(np.stack([squared(row) for row in np.eye(size)]), 2))
    start = np.random.default_rng(0).standard_normal(size)
    (largest,) = eigsh(LinearOperator((size, size), squared, dtype=float), k=1, v0=start, return_eigenvectors=False)
    return math.sqrt(max(float(largest), 0.0))


def frequency_norm(kernel: Tensor, size: int) -> float:
    """The largest singular value, over `size` x `size` frequencies, of a `kernel` (D, C, h, w) of stride 1.

    It is the norm of the convolution of images of that size that are continued periodically.
    """
    transformed = torch.fft.fft2(kernel.double(), s=(size, size)).permute(2, 3, 0, 1)
    return float(torch.linalg.svdvals(transformed).max())


def local_gains(model: Classifier, inputs: Tensor, *, iterations: int = 20) -> Tensor:
    """The largest singular value of the Jacobian of the logits at each of `inputs` (N, C, H, W): (N,).

    No change of an image moves its logits by more than this for its length, while it is small.
    """
    found = [_gains(model, inputs[rows], iterations) for rows in batches(len(inputs), 200)]
    return torch.cat(found) if found else torch.zeros(0)


def _gains(model: Classifier, inputs: Tensor, iterations: int) -> Tensor:
    """The same for a batch: J v is the derivative of J' u by u in the direction v."""
    point = inputs.detach().requires_grad_(True)
    vector = torch.randn(point.shape, generator=torch.Generator().manual_seed(0))
    with torch.enable_grad():
        logits = model(point)
        dual = torch.zeros_like(logits).requires_grad_(True)
        (pulled,) = torch.autograd.grad(logits, point, dual, create_graph=True)
    gain = torch.zeros(len(point))
    for _ in range(iterations):
        vector = vector / column(lengths(vector, "l2").clamp_min(1e-30), vector)
        (moved,) = torch.autograd.grad(pulled, dual, vector, retain_graph=True)
        gain = moved.norm(dim=1)
        (vector,) = torch.autograd.grad(logits, point, moved, retain_graph=True)
    return gain


def certified_radii(model: Classifier, inputs: Tensor, labels: Tensor, *, bound: float) -> Tensor:
    """How far (N,) each image is at least from being predicted otherwise than `labels` (N,); 0 where it is already.

    `bound` is a Lipschitz constant of the logits: two of them come apart by sqrt(2) of it for each unit of length.
    """
    with torch.no_grad():
        logits = model(inputs).double()
    own = logits.gather(1, labels[:, None])[:, 0]
    others = logits.scatter(1, labels[:, None], -math.inf).amax(dim=1)
    radii: Tensor = (own - others).clamp_min(0) / (math.sqrt(2) * bound)
    return radii


def _bounds(layers: Sequence[nn.Module], current: Tensor, scale: Tensor) -> tuple[list[LayerBound], Tensor]:
    """The bounds of `layers` on inputs like `current` (1, ...), divided by `scale` before; and their output."""
    found = list[LayerBound]()
    for layer in _without_batchnorm(layers):
        name = f"{len(found) + 1} {type(layer).__name__}"
        if isinstance(layer, LINEAR):
            found.append(_bound(name, layer, shape=current.shape, scale=scale))
        elif isinstance(layer, Residual):
            found.append(LayerBound(name, _residual(layer, current) / float(scale.min())))
        else:
            found += [LayerBound(name, _slope(layer))] if _slope(layer) < 1 else []
        scale = torch.ones(()) if isinstance(layer, (*LINEAR, Residual)) else scale
        with torch.no_grad():
            current = layer(current)
    return found, current


def _residual(block: Residual, current: Tensor) -> float:
    """The product of its branch, and that of its shortcut, added."""
    sides = [*_flattened(block.first), *_flattened(block.second)], [*_flattened(block.shortcut)]
    products = [math.prod(bound.norm for bound in _bounds(side, current, torch.ones(()))[0]) for side in sides]
    return sum(products)


def _without_batchnorm(layers: Sequence[nn.Module]) -> Iterator[nn.Module]:
    """Copies of `layers` in float64, each BatchNorm in the convolution before it."""
    for place, layer in enumerate(layers):
        before, after = (layers[at] if 0 <= at < len(layers) else None for at in (place - 1, place + 1))
        if isinstance(layer, nn.BatchNorm2d) and isinstance(before, nn.Conv2d):
            continue
        if isinstance(layer, nn.Conv2d) and isinstance(after, nn.BatchNorm2d):
            layer = fuse_conv_bn_eval(layer.eval(), after.eval())
        yield copy.deepcopy(layer).eval().requires_grad_(False).double()


def _flattened(module: nn.Module) -> Iterator[nn.Module]:
    if isinstance(module, nn.Sequential):
        for child in module:
            yield from _flattened(child)
    else:
        yield module


def _bound(name: str, layer: nn.Module, *, shape: torch.Size, scale: Tensor) -> LayerBound:
    """That of a linear layer on inputs of `shape`, which are divided by `scale` before."""
    norm = operator_norm(lambda inputs: layer(inputs / scale), shape)
    if not isinstance(layer, nn.Conv2d):
        return LayerBound(name, norm)
    kernel = layer.weight / scale if scale.ndim else layer.weight
    reshaped = float(torch.linalg.matrix_norm(kernel.flatten(1), 2))
    free = layer.stride == (1, 1) and layer.groups == 1
    return LayerBound(name, norm, reshaped, frequency_norm(kernel, FINE * shape[-1]) if free else None)


def _slope(layer: nn.Module) -> float:
    """The Lipschitz constant of a layer without weights."""
    if isinstance(layer, nn.Sigmoid):
        return 0.25
    if isinstance(layer, ONE):
        return 1.0
    if isinstance(layer, nn.MaxPool2d) and layer.stride == layer.kernel_size and layer.dilation == 1:
        return 1.0
    raise FeatsplitError(
        f"layer {type(layer).__name__}: its Lipschitz bound is not known; give a chain of known layers"
    )
