"""The judge of `benchmarks minimal`: optimality by the area under a curve, passes by hand, failures as failures."""

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.minimal.judge import Counted, distances, envelope, optimality


def accuracy_left(far: Tensor, eps: np.ndarray) -> np.ndarray:
    """The share of images that are further than each of `eps`."""
    left: np.ndarray = (far.numpy()[:, None] > eps).mean(axis=0)
    return left


def test_optimality_is_one_less_the_area_lost_between_the_curves_of_accuracy_by_eps() -> None:
    """Against the areas themselves, summed over a fine grid of eps, with misread images and a failed one."""
    generator = torch.Generator().manual_seed(0)
    least = torch.rand(40, generator=generator).masked_fill(torch.arange(40) < 6, 0)
    own = least * (1 + torch.rand(40, generator=generator))
    own[9] = torch.inf
    eps, width = np.linspace(0, float(least.max()), 200_001, retstep=True)
    areas = [accuracy_left(far, eps).sum() * width for far in (own, least)]
    wanted = 1 - (areas[0] - areas[1]) / (34 / 40 * float(least.max()) - areas[1])
    assert abs(optimality(own, least) - wanted) < 1e-4


def test_optimality_of_a_worked_example() -> None:
    """Four images, one misread: e0 = 4, C = 3/4, areas (0 + 1 + 2 + 4) / 4 and (0 + 2 + 4 + 4) / 4: 1 - .75 / 1.25."""
    assert abs(optimality(torch.tensor([0, 2.0, torch.inf, 4]), torch.tensor([0, 1.0, 2, 4])) - 0.4) < 1e-6


def test_the_best_attack_is_optimal_and_one_that_finds_nothing_is_worth_nothing() -> None:
    least = torch.tensor([0, 1.0, 2, 4])
    assert optimality(least, least) == 1
    assert optimality(torch.tensor([0, torch.inf, torch.inf, torch.inf]), least) == 0


def test_the_envelope_is_the_least_of_all() -> None:
    found = [torch.tensor([1.0, torch.inf]), torch.tensor([2.0, 3.0])]
    assert envelope(found).tolist() == [1, 3]


def test_passes_are_counted_in_images_forward_and_back() -> None:
    """Two forward passes of three images, one of two; the first goes back twice, the last once, the second never."""
    counted = Counted(nn.Linear(2, 2).requires_grad_(False))
    inputs = torch.rand(3, 2, requires_grad=True)
    logits = counted(inputs)
    for label in (0, 1):
        torch.autograd.grad(logits[:, label].sum(), inputs, retain_graph=True)
    with torch.no_grad():
        counted(inputs)
    few = inputs[:2]
    torch.autograd.grad(counted(few).sum(), few)
    assert (counted.forwards, counted.backwards) == (3 + 3 + 2, 3 + 3 + 2)


class _Threshold(nn.Module):
    """Class 1 where the first pixel is above a half."""

    def forward(self, inputs: Tensor) -> Tensor:
        first = inputs.flatten(1)[:, 0]
        return torch.stack([0.5 - first, first - 0.5], dim=1)


def test_distances_are_those_of_the_clamped_images_and_a_failure_is_infinitely_far() -> None:
    """By image: won; lost; outside the box; not finite; misread as it is, whatever was returned for it."""
    inputs = torch.full((5, 1, 1, 2), 0.25)
    inputs[4] = 0.75
    found = inputs.clone()
    found[:, 0, 0, 0] = torch.tensor([0.75, 0.3, 7.0, torch.nan, 0.1])
    far = distances(_Threshold(), inputs, torch.zeros(5, dtype=torch.int64), found, "linf")
    assert far.tolist() == [0.5, torch.inf, 0.75, torch.inf, 0]
