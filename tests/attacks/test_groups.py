"""Swaps on a linear network, where it is known which component is worth most."""

import pytest
import torch
from torch import Tensor

from featsplit.attacks.groups import Kept, Task, swap

WORTH = torch.tensor([1.0, -1.1, 1.2, 4.0, -0.5, 0.3])
"""The slope of the lead of class 1; each component is at 0.5, so it can give half of its size."""


def task_of(worth: Tensor) -> Task:
    """Two images whose components, of such slopes, have to gain 1.4."""

    def network(inputs: Tensor) -> Tensor:
        gained = (inputs.flatten(1) - 0.5) @ worth
        return torch.stack([torch.full_like(gained, 1.4), gained], dim=1)

    return Task(network, torch.full((2, 6, 1), 0.5), torch.zeros(2, dtype=torch.int64), torch.Size([1, 2, 3]), 1)


def kept_at(task: Task, values: list[float]) -> Kept:
    """The first three components of the first image at `values`; nothing is kept of the second."""
    kept, start = Kept(task), task.origin.clone()
    start[:, :3, 0] = torch.tensor(values)
    kept.take(torch.tensor([0]), start[:1], torch.tensor([3]))
    return kept


@pytest.mark.parametrize(
    ("swaps", "size", "changed"), [(0, 3, [0, 1, 2]), (1, 3, [1, 2, 3]), (2, 2, [2, 3]), (3, 1, [3]), (9, 1, [3])]
)
def test_a_swap_puts_the_least_back_and_takes_the_best_in(swaps: int, size: int, changed: list[int]) -> None:
    task = task_of(WORTH)
    kept = kept_at(task, [1.0, 0.0, 1.0])
    swap(task, kept, swaps)
    assert kept.size.tolist() == [size, float("inf")], "nothing was won of the other image"
    assert (kept.points[0, :, 0] != 0.5).nonzero()[:, 0].tolist() == changed
    assert torch.equal(kept.points[1], task.origin[1])


def test_what_was_put_back_is_not_what_comes_in() -> None:
    """The first component gives least where it is, and would give most at its wall."""
    task = task_of(torch.cat([torch.tensor([5.0]), WORTH[1:]]))
    kept = kept_at(task, [0.6, 0.0, 1.0])
    swap(task, kept, 1)
    assert (kept.points[0, :, 0] != 0.5).nonzero()[:, 0].tolist() == [1, 2, 3]
