"""The three methods against the paper's equations in numpy, on a linear network, with its clipping and its steps."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from featsplit.studies.kurakin2017.examples import attacked, noisy
from featsplit.studies.kurakin2017.place import eight_bits

WEIGHTS = np.random.default_rng(0).normal(size=(4, 27))


def network(inputs: Tensor) -> Tensor:
    """Logits of 4 classes of images of 3 x 3 x 3."""
    return inputs.flatten(1) @ torch.tensor(WEIGHTS, dtype=inputs.dtype).T


def images() -> tuple[Tensor, Tensor]:
    """Images of 8 bits as inputs, some of them at 0 and at 255, with labels."""
    generator = torch.Generator().manual_seed(0)
    levels = torch.randint(-40, 296, (6, 3, 3, 3), generator=generator).clamp(0, 255)
    return levels / 255, torch.tensor([0, 1, 2, 3, 0, 1])


def gradient(x: NDArray[np.float64], label: int) -> NDArray[np.float64]:
    """Of the cross-entropy by the pixels, in 255ths."""
    logits = WEIGHTS @ (x / 255)
    chances = np.exp(logits - logits.max())
    slope: NDArray[np.float64] = (chances / chances.sum() - np.eye(4)[label]) @ WEIGHTS
    return slope


@pytest.mark.parametrize("levels", [2, 8, 20])
@pytest.mark.parametrize("method", ["fast", "basic", "least-likely"])
def test_a_method_is_the_papers(method: str, levels: int) -> None:
    inputs, labels = images()
    found = attacked(network, inputs, labels, method=method, levels=levels)
    for image, label, result in zip(inputs, labels.tolist(), found, strict=True):
        start = image.flatten().double().numpy() * 255
        least = int((WEIGHTS @ (start / 255)).argmin())
        x = start.copy()
        steps = 1 if method == "fast" else math.floor(min(levels + 4, 1.25 * levels))
        for _ in range(steps):
            slope = -gradient(x, least) if method == "least-likely" else gradient(x, label)
            size = levels if method == "fast" else 1
            x = np.minimum.reduce(
                [
                    np.full(27, 255),
                    start + levels,
                    np.maximum.reduce([np.zeros(27), start - levels, x + size * np.sign(slope)]),
                ]
            )
        np.testing.assert_allclose(result.flatten().numpy() * 255, x, atol=1e-3)
        assert np.array_equal(eight_bits(result).flatten().numpy(), x.round())


def test_noise_moves_each_component_by_eps_by_a_fair_coin_the_same_at_any_eps() -> None:
    inputs = torch.full((40, 3, 8, 8), 0.5)
    rows = torch.arange(40)
    small, large = (noisy(inputs, rows, levels=levels, seed=0) - 0.5 for levels in (4, 8))
    torch.testing.assert_close(small.abs(), torch.full_like(small, 4 / 255))
    torch.testing.assert_close(large, 2 * small)
    assert (small > 0).float().mean().item() == pytest.approx(0.5, abs=0.02)
    torch.testing.assert_close(noisy(inputs[5:6], rows[5:6], levels=4, seed=0) - 0.5, small[5:6])
    assert (noisy(torch.ones_like(inputs), rows, levels=8, seed=0) <= 1).all()
