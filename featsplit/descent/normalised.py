r"""The paper's step: one length along the normalised gradient, x - eta g / ||g|| (arXiv:1905.02175, appendix C.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from torch import Tensor

from featsplit.descent.move import Move, check_step_size
from featsplit.geometry import Norm, check_norm, direction


@dataclass(frozen=True)
class Normalised:
    """Steps of `step_size` in the direction of steepest descent for `norm`: g / ||g||_2 (l2) or sign(g) (linf).

    `step_size` is in the units of the norm, on the [0, 1] pixel scale; None: 0.1, the paper's. With "linf" it is the
    step of PGD as in arXiv:1706.06083.
    """

    name: Literal["normalised"] = field(default="normalised", init=False)
    step_size: float | None = field(
        default=None, metadata={"help": "Length of a step, on the [0, 1] pixel scale.", "default": "0.1"}
    )
    norm: Norm = "l2"

    def check(self, place: str) -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        check_step_size(place, self.step_size)
        check_norm(place, self.norm)

    def sized(self, shape: Sequence[int]) -> "Normalised":
        """This rule with its step size as a number; 0.1 whatever the `shape` of the images."""
        return self if self.step_size is not None else replace(self, step_size=0.1)

    def begin(self, shape: Sequence[int], steps: int) -> Move:
        """This rule on images of `shape`; it has no state, and does not care for the number of `steps`."""
        step_size = self.sized(shape).step_size
        assert step_size is not None
        return _Move(step_size, self.norm)


class _Move:
    def __init__(self, step_size: float, norm: Norm) -> None:
        self.step_size, self.norm = step_size, norm

    def __call__(self, inputs: Tensor, gradient: Tensor, loss: Tensor, step: int) -> Tensor:
        return -self.step_size * direction(gradient, self.norm)

    def take(self, rows: Tensor) -> None:
        """Nothing is remembered."""
