"""How local filters are."""

import torch

from featsplit.studies.goodfellow2015.adversarial.measure import energy


def test_energy_in_a_tenth_of_the_pixels_is_that_of_planted_filters() -> None:
    spike, flat = torch.zeros(20), torch.ones(20)
    spike[7] = -3.0
    two = torch.zeros(20)
    two[[1, 2, 3]] = torch.tensor([3.0, 2.0, -1.0])  # squares 9, 4 and 1: a tenth of 20 pixels are the first two
    torch.testing.assert_close(energy(torch.stack([spike, flat, two])), torch.tensor([1.0, 0.1, 13 / 14]))
