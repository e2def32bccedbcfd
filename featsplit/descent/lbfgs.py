r"""L-BFGS for each image of a batch by itself (Liu and Nocedal 1989), without a line search.

x - H g,   H the inverse curvature that the last pairs of (step, change of gradient) tell
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from featsplit.geometry import direction
from featsplit.records.rules import LBFGS, FirstStep


def _polyak(slope: Tensor, loss: Tensor, step_size: float) -> Tensor:
    return -slope * (2 * loss / _dot(slope, slope).clamp_min(1e-30))[:, None]


def _normalised(slope: Tensor, loss: Tensor, step_size: float) -> Tensor:
    return -step_size * direction(slope, "l2")


_FIRST_STEPS: dict[FirstStep, Callable[[Tensor, Tensor, float], Tensor]] = {
    "polyak": _polyak,
    "normalised": _normalised,
}


class _Pair(NamedTuple):
    """s, y (N, d), 1 / s'y and s'y / y'y (N,): 0 and NaN where the curvature s'y is not safely positive."""

    shift: Tensor
    turn: Tensor
    inverse: Tensor
    scale: Tensor


class LBFGSMove:
    """The two-loop recursion, for all images at once; an image's pair without curvature counts for nothing."""

    def __init__(self, rule: LBFGS) -> None:
        assert rule.step_size is not None
        self.rule, self.step_size = rule, rule.step_size
        self.pairs: list[_Pair] = []
        self.previous: tuple[Tensor, Tensor] | None = None

    def __call__(self, inputs: Tensor, gradient: Tensor, loss: Tensor, step: int) -> Tensor:
        """The quasi-Newton step, or the first one where that would climb."""
        point, slope = inputs.flatten(1), _free(inputs, gradient, self.rule.box).flatten(1)
        if self.previous is not None:
            self.pairs.append(_pair(point - self.previous[0], slope - self.previous[1]))
            del self.pairs[: -self.rule.memory]
        self.previous = (point, slope)
        first = _FIRST_STEPS[self.rule.first_step](slope, loss, self.step_size)
        path = _two_loop(slope, self.pairs) if self.pairs else first
        fall = _dot(path, slope)
        downhill = (fall < 0) & fall.isfinite()
        if not downhill.all():
            path = torch.where(downhill[:, None], path, first)
        length = torch.linalg.vector_norm(path, dim=1, keepdim=True)
        capped: Tensor = path * (self.step_size / length.clamp_min(self.step_size))
        return capped.reshape_as(inputs)

    def take(self, rows: Tensor) -> None:
        """Keep the pairs of the images at `rows`."""
        self.pairs = [_Pair(*(part[rows] for part in pair)) for pair in self.pairs]
        if self.previous is not None:
            self.previous = (self.previous[0][rows], self.previous[1][rows])


def _free(inputs: Tensor, gradient: Tensor, box: tuple[float, float]) -> Tensor:
    """The gradient, 0 where a pixel that descends it would leave the `box` at once."""
    far = torch.sub(inputs, gradient, alpha=1e30).clamp_(*box)
    return gradient * far.sub_(inputs).ne_(0)


def _pair(shift: Tensor, turn: Tensor) -> _Pair:
    curvature, square = _dot(shift, turn), _dot(turn, turn)
    sound = curvature > 1e-8 * square.clamp_min(1e-30)
    inverse = torch.where(sound, 1 / curvature.where(sound, torch.ones_like(curvature)), 0.0)
    return _Pair(shift, turn, inverse, torch.where(sound, curvature / square, float("nan")))


def _two_loop(slope: Tensor, pairs: list[_Pair]) -> Tensor:
    """-H g, starting from the scale of each image's newest sound pair; NaN where it has none (so the first step)."""
    path, weights, scale = -slope, [], pairs[0].scale
    for pair in reversed(pairs):
        weight = pair.inverse * _dot(pair.shift, path)
        path.addcmul_(weight[:, None], pair.turn, value=-1)
        weights.append(weight)
    for pair in pairs[1:]:
        scale = torch.where(pair.inverse > 0, pair.scale, scale)
    path.mul_(scale[:, None])
    for pair, weight in zip(pairs, reversed(weights), strict=True):
        path.addcmul_((weight - pair.inverse * _dot(pair.turn, path))[:, None], pair.shift)
    return path


def _dot(left: Tensor, right: Tensor) -> Tensor:
    products: Tensor = torch.linalg.vecdot(left, right)
    return products
