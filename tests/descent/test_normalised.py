"""The paper's step on a quadratic: one length, along the gradient of its norm."""

import torch

from featsplit.descent import Normalised
from tests.descent.quadratics import descend, distance_to, free, rule, uniform


def test_a_step_is_step_size_along_the_gradient() -> None:
    centre, start = uniform(4, 6, seed=1), uniform(4, 6)
    found = descend(distance_to(centre), start, steps=1, rule=rule("normalised"), project=free)
    towards = (centre - start) / (centre - start).norm(dim=1, keepdim=True)
    torch.testing.assert_close(found, start + 0.1 * towards)


def test_it_takes_its_direction_from_the_norm() -> None:
    centre, start = uniform(4, 6, seed=1), uniform(4, 6)
    linf = Normalised(step_size=0.1, norm="linf")
    found = descend(distance_to(centre), start, steps=1, rule=linf, project=free)
    torch.testing.assert_close(found, start + 0.1 * (centre - start).sign())
