"""Chance, against the binomial distribution."""

import pytest
import torch
from scipy.stats import binom

from featsplit.data.chance import chance_of


def test_chance_is_the_share_of_the_most_frequent_class() -> None:
    chance = chance_of(torch.tensor([2, 2, 2, 0, 1]))
    assert chance.share == pytest.approx(0.6)
    assert chance.explains(0.6)
    assert not chance_of(torch.arange(10).repeat(100)).explains(0.13)


@pytest.mark.parametrize("count", [200, 1000])
def test_what_knows_nothing_is_taken_for_more_in_a_few_of_a_hundred_runs(count: int) -> None:
    """An accuracy that is binomial with the share: above what chance explains in 1 to 4 % of runs."""
    chance = chance_of(torch.arange(10).repeat(count // 10))
    beyond = next(right for right in range(count) if not chance.explains(right / count))
    assert 0.01 < binom.sf(beyond - 1, count, chance.share) < 0.04
