"""An ensemble's probabilities."""

import torch
from torch import Tensor

from featsplit.studies.goodfellow2015.alternatives.measure import averaged


def test_an_ensemble_averages_probabilities() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.randn((6, 4), generator=generator) for _ in range(2))

    def one(inputs: Tensor) -> Tensor:
        return inputs @ first

    def other(inputs: Tensor) -> Tensor:
        return 3 * inputs @ second

    inputs = torch.randn((5, 6), generator=generator)
    expected = (one(inputs).softmax(dim=1) + other(inputs).softmax(dim=1)) / 2
    torch.testing.assert_close(averaged([one, other])(inputs).softmax(dim=1), expected)
