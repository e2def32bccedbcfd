"""Layer robustness of networks whose layers stretch by a known factor."""

import pytest
import torch
from scipy.spatial.distance import pdist
from torch import Tensor, nn

from featsplit.data.images import Split
from featsplit.evaluation import Probe, layer_robustness
from featsplit.models import build
from featsplit.models.classifier import Classifier


class Shift(nn.Module):
    """A block that adds a constant and multiplies."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor, self.inner = factor, nn.Identity()

    def forward(self, inputs: Tensor) -> Tensor:
        """`inputs` times the factor, and some."""
        moved: Tensor = self.inner(inputs) * self.factor + 3
        return moved


def images(count: int = 40) -> Split:
    generator = torch.Generator().manual_seed(0)
    return Split(0.3 + 0.4 * torch.rand(count, 1, 4, 4, generator=generator), torch.arange(count) % 2)


def test_ratio_of_a_linear_layer_is_eps_over_the_mean_distance() -> None:
    network = Classifier(nn.Sequential(Shift(5.0), nn.Flatten()), nn.Linear(16, 2), shape=(1, 4, 4)).eval()
    split = images()
    rows = layer_robustness(network, split, Probe(norm="l2", eps=0.1, images=40, steps=20))
    assert [row["layer"] for row in rows] == ["0 Shift", "representation", "logits"]
    expected = 0.1 / pdist(split.images.flatten(1).numpy()).mean()
    assert [row["ratio"] for row in rows[:2]] == pytest.approx([expected] * 2, rel=1e-3)


def test_distances_are_exact_where_images_are_nearly_alike() -> None:
    """Far from zero and close together: distances by products of rows would drown in their rounding."""
    network = Classifier(nn.Sequential(Shift(1.0), nn.Flatten()), nn.Linear(16, 2), shape=(1, 4, 4)).eval()
    split = Split(0.5 + (images().images - 0.5) * 1e-3, images().labels)
    rows = layer_robustness(network, split, Probe(norm="l2", eps=0.1, images=40, steps=20))
    assert rows[0]["ratio"] == pytest.approx(0.1 / pdist(split.images.flatten(1).numpy()).mean(), rel=1e-2)


def test_ratio_of_the_logits_is_that_of_the_largest_singular_value() -> None:
    network = Classifier(nn.Flatten(), nn.Linear(16, 3), shape=(1, 4, 4)).eval()
    split = images()
    rows = layer_robustness(network, split, Probe(norm="l2", eps=0.1, images=40, steps=30))
    logits = network(split.inputs()).detach().numpy()
    largest = float(torch.linalg.matrix_norm(network.head.weight.detach(), ord=2))
    assert rows[-1]["ratio"] == pytest.approx(0.1 * largest / pdist(logits).mean(), rel=0.01)


def test_every_block_of_a_network_is_there_and_it_is_left_as_it_was() -> None:
    network = build("resnet8", shape=(1, 8, 8), classes=2)
    split = Split(torch.rand(20, 1, 8, 8), torch.arange(20) % 2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    rows = layer_robustness(network, split, Probe(norm="linf", eps=0.05, images=20, steps=3))
    names = [row["layer"] for row in rows]
    assert names == ["2 ReLU", "3 Residual", "4 Residual", "5 Residual", "representation", "logits"]
    assert all(row["ratio"] > 0 for row in rows)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(layer._forward_hooks for layer in network.modules())
