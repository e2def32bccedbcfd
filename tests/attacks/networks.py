"""Small networks, of which the linear ones know what an attack can gain."""

import pytest
import torch
from torch import Tensor, nn

from featsplit.attacks import Network
from featsplit.geometry import NORMS, Norm

SHAPE = (1, 3, 4)

SIZE = 12

norms = pytest.mark.parametrize("norm", NORMS)

classes = pytest.mark.parametrize("classes", [2, 5])


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def images(n: int = 6, *, low: float = 0.0, high: float = 1.0, seed: int = 0) -> Tensor:
    return low + (high - low) * torch.rand((n, *SHAPE), generator=torch.Generator().manual_seed(seed))


def linear(classes: int, *, scale: float = 1.0) -> tuple[Tensor, Network]:
    """Weights (K, d) and the network x -> scale W x."""
    weights = draw(classes, SIZE, seed=1)
    return weights, lambda inputs: scale * inputs.flatten(1) @ weights.T


def small_network() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = [nn.Conv2d(1, 6, 3, padding=1), nn.Tanh(), nn.Flatten(), nn.Linear(72, 4)]
        return nn.Sequential(*layers).requires_grad_(False)


def dual(vectors: Tensor, norm: Norm) -> Tensor:
    """The dual norm of each row: how much a unit step can gain."""
    return vectors.norm(dim=1) if norm == "l2" else vectors.abs().sum(dim=1)


def pairwise(classes: int, norm: Norm) -> tuple[Network, Tensor, Tensor, Tensor]:
    """A linear network with only two logits of any weight, its inputs, labels, and what eps = 1 takes off the margin.

    The other logits lie 100 lower, so cross-entropy sees w_y - w_j alone; inputs lie away from the walls of the box.
    """
    weights, _ = linear(classes)
    low = torch.zeros(classes)
    low[2:] = -100
    labels = torch.arange(6) % 2
    gain = dual((weights[0] - weights[1]).expand(6, -1), norm)
    return lambda inputs: inputs.flatten(1) @ weights.T + low, images(low=0.4, high=0.6), labels, gain
