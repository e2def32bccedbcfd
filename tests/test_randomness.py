"""What is random about example i depends on (seed, stage, i) alone, has the right law, and stays what it was."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from featsplit.randomness import integers, normal, stage_key, torch_generator

SHAPE = (2, 3)


def draws(indices: list[int], *, seed: int = 3, stage: str = "start") -> Tensor:
    return normal(seed, stage, indices, SHAPE)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=12))
def test_a_draw_is_the_same_alone_and_in_any_company(indices: list[int]) -> None:
    together = draws(indices)
    targets = integers(3, "target", indices, 1000)
    for row, index in enumerate(indices):
        assert torch.equal(together[row], draws([index])[0])
        assert targets[row] == integers(3, "target", [index], 1000)[0]


def test_order_and_batches_do_not_matter() -> None:
    whole, order = draws(list(range(40))), torch.randperm(40, generator=torch.Generator().manual_seed(0))
    assert torch.equal(draws(order.tolist()), whole[order])
    assert torch.equal(torch.cat([draws(list(range(i, min(i + 7, 40)))) for i in range(0, 40, 7)]), whole)


def test_a_tensor_of_indices_is_as_good_as_a_list() -> None:
    assert torch.equal(normal(3, "start", torch.tensor([5, 2]), SHAPE), draws([5, 2]))


def test_no_indices_give_no_draws() -> None:
    assert draws([]).shape == (0, *SHAPE)
    assert integers(0, "target", [], 10).shape == (0,)


@pytest.mark.parametrize("other", [draws([7], seed=4), draws([7], stage="target"), draws([8])])
def test_seed_stage_and_index_each_change_the_draw(other: Tensor) -> None:
    assert (draws([7]) != other).all()


def test_integers_are_uniform() -> None:
    counts = torch.bincount(integers(0, "target", range(7000), 7), minlength=7)
    assert len(counts) == 7, "every draw is below 7"
    chi_square = ((counts - 1000.0) ** 2 / 1000).sum()
    assert chi_square < 22.5, "the 0.999 quantile for 6 degrees of freedom"


def test_integers_of_two_seeds_are_independent() -> None:
    first, second = integers(0, "target", range(4000), 2), integers(1, "target", range(4000), 2)
    assert abs((first == second).float().mean() - 0.5) < 0.03


def test_normal_noise_has_normal_moments() -> None:
    noise = normal(0, "noise", range(4000), (5,)).double()
    assert noise.mean(dim=0).abs().max() < 0.06
    assert (noise.std(dim=0) - 1).abs().max() < 0.04
    assert abs((noise**4).mean() - 3) < 0.2
    assert (torch.corrcoef(noise.T) - torch.eye(5)).abs().max() < 0.06


def test_keys_and_draws_are_pinned() -> None:
    """Data sets that were written by an earlier version must come out the same."""
    assert stage_key(0, "start") == 4247689608056191056
    assert integers(0, "start", [0, 1, 2, 10**6], 1000).tolist() == [454, 112, 982, 333]
    assert normal(0, "start", [5], (3,))[0].tolist() == pytest.approx([-2.2981558, -0.6972482, 0.2023579], abs=1e-6)


def test_a_torch_generator_follows_seed_and_stage() -> None:
    def first(seed: int, stage: str) -> list[int]:
        return torch.randperm(50, generator=torch_generator(seed, stage)).tolist()

    assert first(0, "train/0") == first(0, "train/0")
    assert first(0, "train/0") != first(0, "train/1")
    assert first(0, "train/0") != first(1, "train/0")
