"""The least distances on linear networks, beside numpy's."""

import numpy as np
import torch

from featsplit.attacks import closest
from featsplit.studies.szegedy2014.models.exact import nearest_linear
from tests.attacks.exact import Linear


def drawn(bias: float = 1.0) -> tuple[Linear, torch.Tensor, torch.Tensor]:
    """Four classes of images of 12 pixels, many of them at the walls, with the labels that are predicted."""
    generator = torch.Generator().manual_seed(3)
    network = Linear(torch.randn(4, 12, generator=generator), bias * torch.randn(4, generator=generator))
    inputs = (1.6 * torch.rand(20, 1, 3, 4, generator=generator) - 0.3).clamp(0, 1)
    return network, inputs, network.network()(inputs).argmax(dim=1)


def test_each_class_is_as_far_as_numpy_says() -> None:
    network, inputs, labels = drawn()
    found = nearest_linear(inputs, labels, weight=network.weights, bias=network.biases)
    for image, label, row in zip(inputs, labels.tolist(), found, strict=True):
        for target in set(range(4)) - {label}:
            np.testing.assert_allclose(float(row[target]), network.distance(image, label, "l2", target), rtol=1e-6)
    assert (found.gather(1, labels[:, None]) == 0).all()


def test_a_class_that_no_image_reaches_is_infinitely_far() -> None:
    network, inputs, labels = drawn(bias=1000.0)
    found = nearest_linear(inputs, labels, weight=network.weights, bias=network.biases)
    assert found.scatter(1, labels[:, None], torch.inf).isinf().all()


def test_no_attack_is_nearer_than_the_nearest_class() -> None:
    network, inputs, labels = drawn()
    exact = nearest_linear(inputs, labels, weight=network.weights, bias=network.biases).scatter(
        1, labels[:, None], torch.inf
    )
    found = closest(network.network(), inputs, labels, norm="l2").distance
    assert (found >= exact.amin(dim=1) * (1 - 1e-4)).all()
    assert (found <= exact.amin(dim=1) * 1.05).all()
