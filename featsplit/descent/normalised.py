r"""The paper's step: one length along the normalised gradient, x - eta g / ||g|| (arXiv:1905.02175, appendix C.2)."""

from torch import Tensor

from featsplit.geometry import direction
from featsplit.records.rules import Normalised


class NormalisedMove:
    """The step at work: it has no state."""

    def __init__(self, rule: Normalised) -> None:
        assert rule.step_size is not None
        self.step_size, self.norm = rule.step_size, rule.norm

    def __call__(self, inputs: Tensor, gradient: Tensor, loss: Tensor, step: int) -> Tensor:
        """One length against the gradient."""
        return -self.step_size * direction(gradient, self.norm)

    def take(self, rows: Tensor) -> None:
        """Nothing is remembered."""
