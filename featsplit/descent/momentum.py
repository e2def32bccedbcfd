r"""Heavy-ball momentum on the normalised gradient, with a rate that falls to 0 as a half cosine.

x - eta cos^2(pi t / 2T) v,   v = mu v + (1 - mu) g / ||g||
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from torch import Tensor

from featsplit.descent.move import Move, check_step_size, tenth_of_the_side
from featsplit.errors import FeatsplitError
from featsplit.geometry import Norm, check_norm, direction


@dataclass(frozen=True)
class Momentum:
    """Steps that remember: v keeps the share `momentum` of what it was, and gains the rest from the gradient.

    `step_size` is the rate at the start, in the units of `norm` on the [0, 1] pixel scale; None: 0.1 sqrt(H W). Longer
    steps come as near, but leave noise on the way, which D_NR teaches instead.
    """

    name: Literal["momentum"] = field(default="momentum", init=False)
    step_size: float | None = field(
        default=None,
        metadata={"help": "Length of a step, on the [0, 1] pixel scale.", "default": "a tenth of the side"},
    )
    momentum: float = 0.9
    norm: Norm = "l2"

    def check(self, place: str) -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        check_step_size(place, self.step_size)
        check_norm(place, self.norm)
        if not 0 <= self.momentum < 1:
            raise FeatsplitError(f"{place}.momentum = {self.momentum:g}: must be in [0, 1)")

    def sized(self, shape: Sequence[int]) -> "Momentum":
        """This rule with its step size as a number, for images (C, H, W)."""
        return self if self.step_size is not None else replace(self, step_size=tenth_of_the_side(shape))

    def begin(self, shape: Sequence[int], steps: int) -> Move:
        """This rule at rest, for a descent of `steps` steps on images of `shape`."""
        step_size = self.sized(shape).step_size
        assert step_size is not None
        return _Move(self, step_size, steps)


class _Move:
    def __init__(self, rule: Momentum, step_size: float, steps: int) -> None:
        self.rule, self.step_size, self.steps = rule, step_size, steps
        self.velocity: Tensor | None = None

    def __call__(self, inputs: Tensor, gradient: Tensor, loss: Tensor, step: int) -> Tensor:
        towards = (1 - self.rule.momentum) * direction(gradient, self.rule.norm)
        self.velocity = towards if self.velocity is None else self.rule.momentum * self.velocity + towards
        return -self.step_size * 0.5 * (1 + math.cos(math.pi * step / self.steps)) * self.velocity

    def take(self, rows: Tensor) -> None:
        if self.velocity is not None:
            self.velocity = self.velocity[rows]
