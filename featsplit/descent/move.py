"""What a step rule is at work on a batch: each image has a state of its own, so no image feels its batch."""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from featsplit.descent.lbfgs import LBFGSMove
from featsplit.descent.momentum import MomentumMove
from featsplit.descent.normalised import NormalisedMove
from featsplit.records.rules import LBFGS, Momentum, Normalised, StepRule


class Move(Protocol):
    """A step rule at work on a batch: the state of each image."""

    def __call__(self, inputs: Tensor, gradient: Tensor, loss: Tensor, step: int) -> Tensor:
        """The step of each image, (N, ...), before projection; loss (N,)."""

    def take(self, rows: Tensor) -> None:
        """Keep the state of the images at `rows` alone, in that order."""


def begin(rule: StepRule, shape: Sequence[int], *, steps: int) -> Move:
    """The `rule` at rest, for a descent of `steps` steps on images (C, H, W) of `shape`."""
    match rule.sized(shape):
        case Normalised() as normalised:
            return NormalisedMove(normalised)
        case Momentum() as momentum:
            return MomentumMove(momentum, steps)
        case LBFGS() as lbfgs:
            return LBFGSMove(lbfgs)
