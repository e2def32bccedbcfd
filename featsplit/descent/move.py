"""What a step rule is at work on a batch: each image has a state of its own, so no image feels its batch."""

import math
from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from featsplit.errors import check_positive


class Move(Protocol):
    """A step rule at work on a batch: the state of each image."""

    def __call__(self, inputs: Tensor, gradient: Tensor, loss: Tensor, step: int) -> Tensor:
        """The step of each image, (N, ...), before projection; loss (N,)."""

    def take(self, rows: Tensor) -> None:
        """Keep the state of the images at `rows` alone, in that order."""


def check_step_size(place: str, step_size: float | None) -> None:
    """Raise FeatsplitError where the rule at `place` has a step size that is not finite and greater than 0."""
    check_positive(f"{place}.step_size", 1.0 if step_size is None else step_size)


def tenth_of_the_side(shape: Sequence[int]) -> float:
    """0.1 sqrt(H W) for images (C, H, W): distances between images grow with the root of their pixels."""
    return 0.1 * math.sqrt(math.prod(shape[1:]))
