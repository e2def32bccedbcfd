r"""THE loop: projected first-order descent on a batch of images, each image by itself.

PGD, the inner step of adversarial training and representation matching are all

    x <- P(x + move(x, grad f(x)))            (arXiv:1706.06083 eq. 1; arXiv:1905.02175 eq. 6 and 7)

with another objective f, projection P and step rule. `minimize` always minimises: whether an attack is targeted is a
sign inside its objective. The objective of a batch is the sum over its images, so no image feels its neighbours.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from featsplit.errors import FeatsplitError, check_count, check_positive, unknown
from featsplit.geometry import Norm, direction

RuleName = Literal["paper", "momentum", "lbfgs"]
RULES: tuple[RuleName, ...] = get_args(RuleName)


class Evaluation(NamedTuple):
    """What an objective says of a batch, each (N,): the `loss` to descend, and the `score` that ranks iterates."""

    loss: Tensor
    score: Tensor


Objective = Callable[[Tensor], Evaluation]
Move = Callable[[Tensor, Tensor, Tensor, int], Tensor]


@dataclass(frozen=True)
class StepRule:
    """How far and where to step.

    `paper`: `step_size` along the normalised gradient. `momentum`: heavy-ball `momentum` on the normalised gradient,
    its rate falling from `step_size` to 0 as a half cosine. `lbfgs`: a quasi-Newton step from the last `memory` pairs
    of each image, without a line search, never longer than `step_size` in l2 (Liu and Nocedal 1989, batched).
    """

    name: RuleName = "paper"
    step_size: float = 0.1
    norm: Norm = "l2"
    momentum: float = 0.9
    memory: int = 8

    def check(self, place: str) -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        if self.name not in RULES:
            raise unknown(f"{place}.rule", self.name, RULES)
        check_positive(f"{place}.step_size", self.step_size)
        check_count(f"{place}.memory", self.memory)
        if not 0 <= self.momentum < 1:
            raise FeatsplitError(f"{place}.momentum = {self.momentum:g}: must be in [0, 1)")


def minimize(
    objective: Objective,
    start: Tensor,
    *,
    steps: int,
    rule: StepRule,
    project: Callable[[Tensor], Tensor],
    keep: Literal["last", "best"] = "last",
) -> Tensor:
    """Descend `objective` from `start` (N, ...) for `steps` steps of `rule`, projecting each iterate; return (N, ...).

    `last` returns the end. `best` scores all `steps` + 1 iterates, start and end too, and returns for each image the
    first one with the least score. Costs `steps` forward and backward passes, and one forward pass more for `best`.
    """
    inputs = project(start.detach())
    move = _MOVES[rule.name](rule, steps)
    best: tuple[Tensor, Tensor] | None = None
    for step in range(steps):
        evaluation, gradient = _with_gradient(objective, inputs)
        if keep == "best":
            best = _better(best, inputs, evaluation.score)
        inputs = project(inputs + move(inputs, gradient, evaluation.loss, step))
    if keep == "last":
        return inputs
    with torch.no_grad():
        return _better(best, inputs, objective(inputs).score)[0]


def _with_gradient(objective: Objective, inputs: Tensor) -> tuple[Evaluation, Tensor]:
    inputs = inputs.detach().requires_grad_(True)
    with torch.enable_grad():
        evaluation = objective(inputs)
        (gradient,) = torch.autograd.grad(evaluation.loss.sum(), inputs)
    return Evaluation(evaluation.loss.detach(), evaluation.score.detach()), gradient


def _better(best: tuple[Tensor, Tensor] | None, inputs: Tensor, score: Tensor) -> tuple[Tensor, Tensor]:
    """The better of two iterates for each image, with its score."""
    if best is None:
        return inputs, score
    wins = (score < best[1]) | best[1].isnan()
    chosen = torch.where(wins.reshape(-1, *([1] * (inputs.ndim - 1))), inputs, best[0])
    return chosen, torch.where(wins, score, best[1])


def _paper(rule: StepRule, steps: int) -> Move:
    return lambda inputs, gradient, loss, step: -rule.step_size * direction(gradient, rule.norm)


def _momentum(rule: StepRule, steps: int) -> Move:
    velocity: Tensor | float = 0.0

    def move(inputs: Tensor, gradient: Tensor, loss: Tensor, step: int) -> Tensor:
        nonlocal velocity
        velocity = rule.momentum * velocity + (1 - rule.momentum) * direction(gradient, rule.norm)
        return -rule.step_size * 0.5 * (1 + math.cos(math.pi * step / steps)) * velocity

    return move


def _lbfgs(rule: StepRule, steps: int) -> Move:
    """The two-loop recursion, for all images at once; an image's pair without curvature counts for nothing.

    The first step, and any step that would climb, is Polyak's: 2 f / ||g||^2 along the gradient, which reaches the
    zero of a squared distance f where the network is linear.
    """
    pairs: list[tuple[Tensor, Tensor, Tensor]] = []
    previous: tuple[Tensor, Tensor] | None = None

    def move(inputs: Tensor, gradient: Tensor, loss: Tensor, step: int) -> Tensor:
        nonlocal previous
        point, slope = inputs.flatten(1), gradient.flatten(1)
        if previous is not None:
            pairs.append(_pair(point - previous[0], slope - previous[1]))
            del pairs[: -rule.memory]
        previous = (point, slope)
        polyak = -slope * (2 * loss / _dot(slope, slope).clamp_min(1e-30))[:, None]
        newton = _two_loop(slope, pairs) if pairs else polyak
        downhill = (_dot(newton, slope) < 0) & torch.isfinite(newton).all(dim=1)
        path = torch.where(downhill[:, None], newton, polyak)
        length = torch.linalg.vector_norm(path, dim=1, keepdim=True)
        capped: Tensor = path * (rule.step_size / length.clamp_min(rule.step_size))
        return capped.reshape_as(inputs)

    return move


def _pair(shift: Tensor, turn: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(s, y, 1 / s'y), with 0 in the last where the curvature s'y is not safely positive."""
    curvature = _dot(shift, turn)
    sound = curvature > 1e-8 * _dot(turn, turn).clamp_min(1e-30)
    return shift, turn, torch.where(sound, 1 / curvature.where(sound, torch.ones_like(curvature)), 0.0)


def _two_loop(slope: Tensor, pairs: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    path, weights = -slope, []
    for shift, turn, inverse in reversed(pairs):
        weight = inverse * _dot(shift, path)
        path = path - weight[:, None] * turn
        weights.append(weight)
    path = path * _scale(pairs)[:, None]
    for (shift, turn, inverse), weight in zip(pairs, reversed(weights), strict=True):
        path = path + (weight - inverse * _dot(turn, path))[:, None] * shift
    return path


def _scale(pairs: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """s'y / y'y of each image's newest sound pair; NaN (and so Polyak's step) where it has none."""
    scale = torch.full_like(pairs[0][2], float("nan"))
    for _, turn, inverse in pairs:
        scale = torch.where(inverse > 0, 1 / (inverse * _dot(turn, turn)), scale)
    return scale


def _dot(left: Tensor, right: Tensor) -> Tensor:
    products: Tensor = torch.linalg.vecdot(left, right)
    return products


_MOVES: dict[RuleName, Callable[[StepRule, int], Move]] = {"paper": _paper, "momentum": _momentum, "lbfgs": _lbfgs}
