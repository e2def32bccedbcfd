r"""Step rules: where an image moves to, given its gradient.

    paper      x - eta g / ||g||                                         (arXiv:1905.02175, appendix C.2)
    momentum   x - eta cos^2(pi t / 2T) v,   v = mu v + (1 - mu) g / ||g||
    lbfgs      x - H g, H the inverse curvature that the last pairs of (step, change of gradient) tell
                                                                         (Liu and Nocedal 1989, batched)

Each image has a state of its own, so no image feels its batch.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Protocol, get_args

import torch
from torch import Tensor

from featsplit.errors import FeatsplitError, check_count, check_positive, unknown
from featsplit.geometry import Norm, direction

RuleName = Literal["paper", "momentum", "lbfgs"]
RULES: tuple[RuleName, ...] = get_args(RuleName)


@dataclass(frozen=True)
class StepRule:
    """How far and where to step.

    `paper`: `step_size` along the normalised gradient. `momentum`: heavy-ball `momentum` on the normalised gradient,
    its rate falling from `step_size` to 0 as a half cosine. `lbfgs`: a quasi-Newton step from the last `memory` pairs
    of each image, without a line search, never longer than `step_size` in l2. None is a size that suits the rule and
    the images (see `sized`).
    """

    name: RuleName = "paper"
    step_size: float | None = None
    norm: Norm = "l2"
    momentum: float = 0.9
    memory: int = 8

    def check(self, place: str) -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        if self.name not in RULES:
            raise unknown(f"{place}.rule", self.name, RULES)
        check_positive(f"{place}.step_size", 1.0 if self.step_size is None else self.step_size)
        check_count(f"{place}.memory", self.memory)
        if not 0 <= self.momentum < 1:
            raise FeatsplitError(f"{place}.momentum = {self.momentum:g}: must be in [0, 1)")

    def sized(self, shape: Sequence[int]) -> "StepRule":
        """This rule with its step size as a number, for images (C, H, W).

        The paper's is 0.1. Distances between images grow with the root of their pixels, and so do the others'. Longer
        steps of `momentum` come as near, but leave noise on the way, which D_NR teaches instead.
        """
        if self.step_size is not None:
            return self
        side = math.sqrt(math.prod(shape[1:]))
        return replace(self, step_size=0.1 if self.name == "paper" else 0.1 * side)


class Move(Protocol):
    """A step rule at work on a batch: the state of each image."""

    def __call__(self, inputs: Tensor, gradient: Tensor, loss: Tensor, step: int) -> Tensor:
        """The step of each image, (N, ...), before projection; loss (N,)."""

    def take(self, rows: Tensor) -> None:
        """Keep the state of the images at `rows` alone, in that order."""


def begin(rule: StepRule, shape: Sequence[int], steps: int) -> Move:
    """`rule` with a fresh state, for a descent of `steps` steps on images of `shape`."""
    sized = rule.sized(shape)
    assert sized.step_size is not None
    return _MOVES[rule.name](sized, sized.step_size, steps)


class _Paper:
    def __init__(self, rule: StepRule, step_size: float, steps: int) -> None:
        self.rule, self.step_size = rule, step_size

    def __call__(self, inputs: Tensor, gradient: Tensor, loss: Tensor, step: int) -> Tensor:
        return -self.step_size * direction(gradient, self.rule.norm)

    def take(self, rows: Tensor) -> None:
        """Nothing is remembered."""


class _Momentum:
    def __init__(self, rule: StepRule, step_size: float, steps: int) -> None:
        self.rule, self.step_size, self.steps = rule, step_size, steps
        self.velocity: Tensor | None = None

    def __call__(self, inputs: Tensor, gradient: Tensor, loss: Tensor, step: int) -> Tensor:
        towards = (1 - self.rule.momentum) * direction(gradient, self.rule.norm)
        self.velocity = towards if self.velocity is None else self.rule.momentum * self.velocity + towards
        return -self.step_size * 0.5 * (1 + math.cos(math.pi * step / self.steps)) * self.velocity

    def take(self, rows: Tensor) -> None:
        if self.velocity is not None:
            self.velocity = self.velocity[rows]


class _Pair(NamedTuple):
    """s, y (N, d), 1 / s'y and s'y / y'y (N,): 0 and NaN where the curvature s'y is not safely positive."""

    shift: Tensor
    turn: Tensor
    inverse: Tensor
    scale: Tensor


class _LBFGS:
    """The two-loop recursion, for all images at once; an image's pair without curvature counts for nothing.

    The first step, and any step that would climb, is Polyak's: 2 f / ||g||^2 along the gradient, which reaches the
    zero of a squared distance f where the network is linear. A pixel at the wall of [0, 1] that is pushed against it
    cannot move, so it counts neither in the gradient nor in its change.
    """

    def __init__(self, rule: StepRule, step_size: float, steps: int) -> None:
        self.rule, self.step_size = rule, step_size
        self.pairs: list[_Pair] = []
        self.previous: tuple[Tensor, Tensor] | None = None

    def __call__(self, inputs: Tensor, gradient: Tensor, loss: Tensor, step: int) -> Tensor:
        point, slope = inputs.flatten(1), _free(inputs, gradient).flatten(1)
        if self.previous is not None:
            self.pairs.append(_pair(point - self.previous[0], slope - self.previous[1]))
            del self.pairs[: -self.rule.memory]
        self.previous = (point, slope)
        polyak = -slope * (2 * loss / _dot(slope, slope).clamp_min(1e-30))[:, None]
        path = _two_loop(slope, self.pairs) if self.pairs else polyak
        fall = _dot(path, slope)
        downhill = (fall < 0) & fall.isfinite()
        if not downhill.all():
            path = torch.where(downhill[:, None], path, polyak)
        length = torch.linalg.vector_norm(path, dim=1, keepdim=True)
        capped: Tensor = path * (self.step_size / length.clamp_min(self.step_size))
        return capped.reshape_as(inputs)

    def take(self, rows: Tensor) -> None:
        self.pairs = [_Pair(*(part[rows] for part in pair)) for pair in self.pairs]
        if self.previous is not None:
            self.previous = (self.previous[0][rows], self.previous[1][rows])


def _free(inputs: Tensor, gradient: Tensor) -> Tensor:
    """The gradient, 0 where a pixel that descends it would leave [0, 1] at once."""
    far = torch.sub(inputs, gradient, alpha=1e30).clamp_(0, 1)
    return gradient * far.sub_(inputs).ne_(0)


def _pair(shift: Tensor, turn: Tensor) -> _Pair:
    curvature, square = _dot(shift, turn), _dot(turn, turn)
    sound = curvature > 1e-8 * square.clamp_min(1e-30)
    inverse = torch.where(sound, 1 / curvature.where(sound, torch.ones_like(curvature)), 0.0)
    return _Pair(shift, turn, inverse, torch.where(sound, curvature / square, float("nan")))


def _two_loop(slope: Tensor, pairs: list[_Pair]) -> Tensor:
    """-H g, starting from the scale of each image's newest sound pair; NaN where it has none (so Polyak's step)."""
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


_MOVES: dict[RuleName, Callable[[StepRule, float, int], Move]] = {
    "paper": _Paper,
    "momentum": _Momentum,
    "lbfgs": _LBFGS,
}
