r"""The threat model on batches of images: the two norms, l2 and linf, the eps-balls in them, and distances.

For a gradient g the steepest unit step is g / ||g||_2 (l2) or sign(g) (linf); projection onto the ball of radius eps
is delta * min(1, eps / ||delta||_2) or clip(delta, -eps, eps). All sizes are on the [0, 1] pixel scale.

The records have a `Threat`, and are read without torch: it is imported where a tensor is at hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from featsplit.errors import FeatsplitError, unknown

if TYPE_CHECKING:
    from torch import Tensor

Norm = Literal["l2", "linf"]
NORMS: tuple[Norm, ...] = get_args(Norm)
Distance = Literal["l0", "l0-pixels", "l1", "l2", "linf"]
"""How far an image was moved: l0 counts the components that changed, l0-pixels a pixel of C channels once."""
DISTANCES: tuple[Distance, ...] = get_args(Distance)


def check_norm(place: str, norm: str) -> None:
    """Raise FeatsplitError at `place` where `norm` is none of `NORMS`."""
    if norm not in NORMS:
        raise unknown(f"{place}.norm", norm, NORMS)


def check_distance(place: str, norm: str) -> None:
    """Raise FeatsplitError at `place` where `norm` is none of `DISTANCES`."""
    if norm not in DISTANCES:
        raise unknown(f"{place}.norm", norm, DISTANCES)


def check_threat(place: str, norm: str, eps: float) -> None:
    """Raise FeatsplitError unless `norm` is known and `eps` is a radius on the [0, 1] scale."""
    check_norm(place, norm)
    if not 0 <= eps < float("inf"):
        raise FeatsplitError(f"{place}.eps = {eps:g}: must be a number of at least 0")
    if norm == "linf" and eps > 1:
        cure = f"; {eps:g}/255 is {eps / 255:.4f}" if eps <= 255 else ""
        raise FeatsplitError(f'{place}.eps = {eps:g}: must be at most 1 for norm "linf" (pixels are in [0, 1]){cure}')


@dataclass(frozen=True)
class Threat:
    """What an adversary may do to an image: move it by at most `eps` in `norm`, on the [0, 1] pixel scale."""

    norm: Norm
    eps: float

    def check(self, place: str) -> None:
        """Raise FeatsplitError at `place` unless the norm is known and eps is a radius on the [0, 1] scale."""
        check_threat(place, self.norm, self.eps)

    def project(self, delta: Tensor) -> Tensor:
        """The nearest point to each `delta` (N, ...) in the ball around zero."""
        if self.norm == "linf":
            return delta.clamp(-self.eps, self.eps)
        length = lengths(delta, "l2")
        return delta * column((self.eps / length).where(length > self.eps, 1.0), delta)

    def ball(self, origin: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
        """The map onto the ball around each image of `origin`, then into [0, 1] (as `robustness.attack_steps` does).

        Called with inputs and their `rows`, which images of `origin` they belong to.
        """

        def onto(inputs: Tensor, rows: Tensor) -> Tensor:
            centre = origin[rows]
            return (centre + self.project(inputs - centre)).clamp(0, 1)

        return onto

    def random_offsets(self, indices: Sequence[int] | Tensor, shape: Sequence[int], *, seed: int, stage: str) -> Tensor:
        """A uniform point of the ball for each example: (N, *shape) float32 on the CPU.

        It derives from (seed, stage, index). l2 takes the first d of d + 2 coordinates of a uniform point on the
        sphere, which are uniform in the ball (Harman and Lacko 2010); linf maps normal noise through its own
        distribution function.
        """
        import torch

        from featsplit import randomness

        size = math.prod(shape)
        noise = randomness.normal(seed, stage, indices, (size + 2,))
        if self.norm == "l2":
            points = (noise / torch.linalg.vector_norm(noise, dim=1, keepdim=True))[:, :size]
        else:
            points = torch.erf(noise[:, :size] / 2**0.5)
        offsets: Tensor = self.eps * points.reshape(-1, *shape)
        return offsets


def lengths(delta: Tensor, norm: Distance) -> Tensor:
    """The norm of each example: (N, C, H, W) to (N,) of the same type; all norms but l0-pixels take any (N, ...)."""
    from torch.linalg import vector_norm

    if norm == "l0-pixels":
        changed: Tensor = (delta != 0).any(dim=1)
        return changed.flatten(1).sum(dim=1).to(delta.dtype)
    flat = delta.flatten(1)
    length: Tensor = vector_norm(flat, {"l0": 0, "l1": 1, "l2": 2, "linf": math.inf}[norm], dim=1)
    return length


def direction(gradient: Tensor, norm: Norm) -> Tensor:
    """The unit step of steepest ascent for each example; zero where the gradient is zero.

    A gradient of any finite size gives a unit step: it is scaled by its largest entry before it is squared, so a
    network that is sure of itself (cross-entropy gradients of 1e-30) cannot hide from the attack.
    """
    from torch import finfo

    if norm == "linf":
        return gradient.sign()
    largest = column(gradient.flatten(1).abs().amax(dim=1), gradient)
    scaled = gradient / largest.clamp_min(finfo(gradient.dtype).tiny)
    return scaled / column(lengths(scaled, "l2"), gradient).clamp_min(0.5)


def box(inputs: Tensor, rows: Tensor) -> Tensor:
    """The map into [0, 1] alone, for representation matching, which has no ball."""
    return inputs.clamp(0, 1)


def column(values: Tensor, like: Tensor) -> Tensor:
    """`values` (N,) shaped to multiply `like` (N, ...)."""
    return values.reshape(-1, *([1] * (like.ndim - 1)))
