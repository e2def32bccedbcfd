"""A network whose decision is known."""

import pytest
import torch
from torch import Tensor, nn

from featsplit.data.images import Split
from featsplit.geometry import NORMS
from featsplit.models import Classifier

norms = pytest.mark.parametrize("norm", NORMS)


class Distance(nn.Module):
    """How far the mean pixel is from the middle, beyond `dead`: no gradient where it is nearer."""

    def __init__(self, dead: float) -> None:
        super().__init__()
        self.dead = dead

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.relu((inputs.flatten(1).mean(dim=1, keepdim=True) - 0.5).abs() - self.dead)


def by_distance(*, dead: float, edge: float) -> Classifier:
    """Predicts class 0 where the mean pixel is within `dead + edge` of 0.5, else class 1."""
    head = nn.Linear(1, 2)
    head.load_state_dict({"weight": torch.tensor([[-1.0], [1.0]]), "bias": torch.tensor([edge, -edge])})
    return Classifier(Distance(dead), head, shape=(1, 1, 2))


def level(value: float, label: int, *, n: int = 8) -> Split:
    """Images of one grey, all with one label."""
    return Split(torch.full((n, 1, 1, 2), value), torch.full((n,), label))
