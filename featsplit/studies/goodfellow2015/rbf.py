"""The network of RBF units (section 7): a class is likely near its centre, and nowhere else."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Bumps(nn.Module):
    """z_k = -sum_i a_ki (x_i - mu_ki)^2, (N, K) of inputs (N, d); all a are positive."""

    def __init__(self, inner: int, classes: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.full((classes, inner), 0.5))
        self.log_widths = nn.Parameter(torch.full((classes, inner), 1.0 / inner).log())

    def forward(self, inputs: Tensor) -> Tensor:
        """The exponents of p, (N, K)."""
        widths = self.log_widths.exp()
        weighted = widths * self.centres
        squares = F.linear(inputs.square(), widths) - 2 * F.linear(inputs, weighted)
        return -(squares + (weighted * self.centres).sum(dim=1)).clamp_min(0)


def rbf(*, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """One RBF unit a class; a last layer that hands their exponents on, as a Classifier wants one."""
    channels, height, width = shape
    head = nn.Linear(classes, classes, bias=False)
    nn.init.eye_(head.weight)
    return nn.Sequential(nn.Flatten(), Bumps(channels * height * width, classes), head)
