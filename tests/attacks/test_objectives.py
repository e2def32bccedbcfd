"""What attacks descend, against numpy, torch and float64."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from featsplit.attacks import classification, cross_entropy, margin
from tests.attacks.networks import draw, images, small_network


@pytest.mark.parametrize("targeted", [False, True])
def test_the_margin_loss_is_the_score(targeted: bool) -> None:
    network, rows = small_network(), torch.arange(6)
    found = classification(network, rows % 4, targeted=targeted, loss="margin")(images(), rows, rough=False)
    assert torch.equal(found.loss, found.score)
    usual = classification(network, rows % 4, targeted=targeted)(images(), rows, rough=False)
    assert torch.equal(found.score, usual.score)


def test_margin_is_that_of_numpy() -> None:
    logits, labels = draw(50, 7), torch.arange(50) % 7
    table = logits.numpy().copy()
    own = table[np.arange(50), labels.numpy()].copy()
    table[np.arange(50), labels.numpy()] = -np.inf
    np.testing.assert_array_equal(margin(logits, labels).numpy(), own - table.max(1))
    assert torch.equal(margin(logits, labels) > 0, logits.argmax(1) == labels)


def test_targeted_is_a_sign_of_loss_and_score() -> None:
    network, inputs, labels = small_network(), images(), torch.arange(6) % 4
    rows = torch.arange(len(inputs))
    away = classification(network, labels)(inputs, rows, rough=False)
    towards = classification(network, labels, targeted=True)(inputs, rows, rough=False)
    expected = F.cross_entropy(network(inputs), labels, reduction="none")
    torch.testing.assert_close(towards.loss, expected)
    torch.testing.assert_close(away.loss, -expected)
    torch.testing.assert_close(away.score, margin(network(inputs), labels))
    torch.testing.assert_close(towards.score, -away.score)


def test_cross_entropy_is_that_of_torch_and_its_gradient_that_of_float64() -> None:
    logits, labels = 5 * draw(40, 6), torch.arange(40) % 6
    torch.testing.assert_close(cross_entropy(logits, labels), F.cross_entropy(logits, labels, reduction="none"))
    logits[torch.arange(40), labels] += torch.linspace(0, 60, 40)
    free, exact = logits.clone().requires_grad_(True), logits.double().requires_grad_(True)
    (found,) = torch.autograd.grad(cross_entropy(free, labels).sum(), free)
    others = torch.ones_like(exact).scatter(1, labels[:, None], 0.0).bool()
    ratio = (exact - exact.gather(1, labels[:, None])).exp() * others
    expected = ratio / (1 + ratio.sum(1, keepdim=True))
    expected = expected - F.one_hot(labels, 6) * expected.sum(1, keepdim=True)
    torch.testing.assert_close(found.double(), expected.detach(), rtol=1e-4, atol=0)


def test_the_loss_of_a_rough_network_is_in_float32() -> None:
    network, rows = small_network(), torch.arange(6)
    rough = classification(lambda inputs: network(inputs).bfloat16(), rows % 4)(images(), rows, rough=False)
    fine = classification(network, rows % 4)(images(), rows, rough=False)
    assert (rough.loss.dtype, rough.score.dtype) == (torch.float32, torch.float32)
    torch.testing.assert_close(rough.loss, fine.loss, rtol=0.02, atol=0.02)
