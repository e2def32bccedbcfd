r"""Heavy-ball momentum on the normalised gradient, with a rate that falls to 0 as a half cosine.

x - eta cos^2(pi t / 2T) v,   v = mu v + (1 - mu) g / ||g||
"""

import math

from torch import Tensor

from featsplit.geometry import direction
from featsplit.records.rules import Momentum


class MomentumMove:
    """The rule at work, in a descent of `steps` steps: v of each image."""

    def __init__(self, rule: Momentum, steps: int) -> None:
        assert rule.step_size is not None
        self.rule, self.step_size, self.steps = rule, rule.step_size, steps
        self.velocity: Tensor | None = None

    def __call__(self, inputs: Tensor, gradient: Tensor, loss: Tensor, step: int) -> Tensor:
        """The step along v."""
        towards = (1 - self.rule.momentum) * direction(gradient, self.rule.norm)
        self.velocity = towards if self.velocity is None else self.rule.momentum * self.velocity + towards
        return -self.step_size * 0.5 * (1 + math.cos(math.pi * step / self.steps)) * self.velocity

    def take(self, rows: Tensor) -> None:
        """Keep v of the images at `rows`."""
        if self.velocity is not None:
            self.velocity = self.velocity[rows]
