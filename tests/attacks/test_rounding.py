"""Adversarial images in 255ths: what rounding undoes is repaired, in as few changes as it takes."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from featsplit.attacks import Network, carlini_wagner_l2, rounded
from featsplit.errors import FeatsplitError
from tests.attacks.exact import Linear
from tests.attacks.networks import SHAPE, SIZE, draw, images, small_network
from tests.attacks.test_minimum_norm import COLOURED, coloured, curved

both = pytest.mark.parametrize("targeted", [False, True])


def on_the_boundary(weights: Tensor, n: int) -> tuple[Linear, Tensor]:
    """A linear network of two classes, and images that it predicts as class 1 by 1e-4; half of the pixels at 0 or 1."""
    inputs = images(n, seed=8)
    inputs = torch.where(images(n, seed=9) < 0.5, inputs.round(), inputs)
    flat = inputs.flatten(1)
    known = Linear(torch.stack([torch.zeros(len(weights)), weights]), torch.tensor([0.0, -float(flat[0] @ weights)]))
    free = torch.where((flat > 0.1) & (flat < 0.9), weights, 0.0)
    gap = known.network()(inputs).diff(dim=1) - 1e-4
    moved = flat - gap * free / free.square().sum(dim=1, keepdim=True)
    inside = ((moved >= 0) & (moved <= 1)).all(dim=1)
    return known, moved[inside].reshape(-1, *SHAPE)


def fewest_changes(weights: np.ndarray, levels: np.ndarray, gap: float) -> float:
    """How many components have to go up or down by one level to take `gap` off; infinity: more than all of them."""
    way = np.where(weights > 0, levels < 255, levels > 0)
    gains = np.sort(np.abs(weights)[way])[::-1] / 255
    enough = np.cumsum(gains) > gap
    return float(enough.argmax() + 1) if enough.any() else math.inf


def test_on_a_linear_network_the_repair_is_the_shortest_that_there_is() -> None:
    weights = draw(SIZE, seed=1)
    known, inputs = on_the_boundary(weights.sign() + weights / 10, 200)
    labels = torch.zeros(len(inputs), dtype=torch.int64)
    result = rounded(known.network(), inputs, labels)
    assert result.before.all()
    assert 0.3 < result.kept.float().mean() < 0.7
    assert result.success.all()
    levels = (inputs.double() * 255).round()
    weights = (known.weights[1] - known.weights[0]).double()
    lead = levels.flatten(1) @ weights / 255 + float(known.biases[1])
    for row in (~result.kept).nonzero()[:, 0].tolist():
        least = fewest_changes(weights.numpy(), levels[row].flatten().numpy(), -float(lead[row]))
        assert least <= result.changed[row] <= least + (abs(float(lead[row])) < 1e-6)
    assert (result.changed[result.kept] == 0).all()
    assert result.changed.max() > 1
    assert ((result.inputs >= 0) & (result.inputs <= 1)).all()
    once = rounded(known.network(), inputs, labels, limit=1)
    assert torch.equal(once.success, result.changed <= 1)
    assert torch.equal(once.inputs[~once.success], (levels[~once.success] / 255).float())
    assert (once.changed[~once.success] == 0).all()


@pytest.mark.parametrize("classes", [2, 5])
@both
def test_a_repair_is_found_wherever_there_is_one(classes: int, targeted: bool) -> None:
    """Rounding the image itself to black undoes nearly all; each level that there is may have to be gone."""
    weights = draw(classes, SIZE, seed=3)
    known = Linear(weights, torch.zeros(classes))
    inputs = images(30, seed=2)
    inputs = inputs / 200
    labels = (known.network()(inputs).argmax(dim=1) + (not targeted)) % classes
    result = rounded(known.network(), inputs, labels, targeted=targeted)
    assert result.before.all()
    assert not result.kept.all()
    assert result.success.all()
    assert torch.equal(known.network()(result.inputs).argmax(dim=1) == labels, torch.full((30,), targeted))
    assert ((result.inputs >= 0) & (result.inputs <= 1)).all()


def drawn_back(network: Network, inputs: Tensor, found: Tensor, labels: Tensor, *, targeted: bool) -> Tensor:
    """The adversarial inputs on the way from `inputs` to `found` that lie just behind the boundary."""
    low, high = torch.zeros(len(inputs), 1, 1, 1), torch.ones(len(inputs), 1, 1, 1)
    for _ in range(20):
        middle = (low + high) / 2
        won = (network(inputs + middle * (found - inputs)).argmax(dim=1) == labels) == targeted
        low, high = torch.where(won[:, None, None, None], torch.stack([low, middle]), torch.stack([middle, high]))
    return inputs + high * (found - inputs)


@both
def test_what_carlini_and_wagner_find_is_adversarial_in_255ths(targeted: bool) -> None:
    inputs, labels = coloured(24, targeted=targeted)
    inputs = (inputs * 255).round() / 255
    found = carlini_wagner_l2(curved, inputs, labels, steps=60, step_size=0.1, targeted=targeted).inputs
    found = drawn_back(curved, inputs, found, labels, targeted=targeted)
    result = rounded(curved, found, labels, targeted=targeted)
    assert result.before.all()
    assert not result.kept.all()
    assert result.success.all()
    assert torch.equal((result.inputs * 255).round() / 255, result.inputs)
    assert ((curved(result.inputs).argmax(dim=1) == labels) == targeted).all()
    assert (result.inputs - found).abs().max() <= 1.51 / 255
    as_rounded = (found * 255).round() / 255
    differ = (result.inputs != as_rounded).flatten(1).sum(dim=1)
    assert torch.equal(result.changed, differ)
    assert ((differ == 0) == result.kept).all()


def test_an_image_feels_none_of_its_neighbours() -> None:
    inputs, labels = coloured(24, targeted=False)
    found = carlini_wagner_l2(curved, inputs, labels, steps=40, step_size=0.1).inputs
    found = drawn_back(curved, inputs, found, labels, targeted=False)
    together = rounded(curved, found, labels)
    for row in range(24):
        alone = rounded(curved, found[row : row + 1], labels[row : row + 1])
        for one, all_of_them in zip(alone, together, strict=True):
            assert torch.equal(one, all_of_them[row : row + 1])


def test_what_is_not_adversarial_or_not_a_number_is_rounded_alone() -> None:
    network, inputs = small_network(), images(4)
    labels = network(inputs).argmax(dim=1)
    labels[3] = (labels[3] + 1) % 4
    inputs[1, 0, 0, 0] = math.nan
    result = rounded(network, inputs, labels)
    assert result.before.tolist() == result.success.tolist() == [False, False, False, True]
    torch.testing.assert_close(result.inputs, (inputs * 255).round() / 255, equal_nan=True, rtol=0, atol=0)
    assert result.calls.tolist() == [3, 3, 3, 3]


def test_what_no_change_mends_comes_back_as_rounded() -> None:
    """Adversarial is only what is no 255th."""

    def network(inputs: Tensor) -> Tensor:
        scaled = inputs.flatten(1) * 255
        odd = (scaled - scaled.round()).abs().sum(dim=1)
        return torch.stack([1e-3 + 0 * odd, odd], dim=1)

    inputs, labels = torch.full((2, *COLOURED), 0.501), torch.zeros(2, dtype=torch.int64)
    result = rounded(network, inputs, labels, limit=20)
    assert result.before.all()
    assert not result.success.any()
    assert torch.equal(result.inputs, (inputs * 255).round() / 255)
    assert (result.changed == 0).all()
    assert (result.calls <= 23).all()


def test_a_limit_of_no_change_is_refused() -> None:
    with pytest.raises(FeatsplitError, match=r"^rounded.limit = 0: must be at least 1$"):
        rounded(small_network(), images(1), torch.zeros(1, dtype=torch.int64), limit=0)
