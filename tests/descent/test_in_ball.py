"""PGD in a ball, whatever is descended: where it starts, how far it may go, what it tells the objective."""

import pytest
import torch
from torch import Tensor

from featsplit.descent import descend_in_ball
from featsplit.geometry import NORMS, Norm, Threat, lengths
from tests.descent.quadratics import distance_to, uniform, watched

ORIGIN = 0.3 + 0.4 * uniform(4, 1, 2, 3)
FAR = distance_to(torch.full((1, 2, 3), 5.0))
norms = pytest.mark.parametrize("norm", NORMS)


@norms
def test_far_from_the_minimum_it_ends_on_the_sphere_in_its_direction(norm: Norm) -> None:
    found = descend_in_ball(FAR, ORIGIN, Threat(norm, 0.2), steps=20, step_size=0.05)
    towards = 5.0 - ORIGIN
    unit = towards / lengths(towards, "l2")[:, None, None, None] if norm == "l2" else towards.sign()
    torch.testing.assert_close(found, ORIGIN + 0.2 * unit, rtol=0, atol=2e-3)


@norms
def test_a_step_has_its_size_and_starts_at_the_offset(norm: Norm) -> None:
    offsets = Threat(norm, 0.1).random_offsets(range(4), (1, 2, 3), seed=0, stage="t")
    found = descend_in_ball(FAR, ORIGIN, Threat(norm, 0.9), steps=1, step_size=0.05, offsets=offsets)
    torch.testing.assert_close(lengths(found - ORIGIN - offsets, norm), torch.full((4,), 0.05))


@norms
def test_a_start_outside_comes_into_the_ball_of_its_origin(norm: Norm) -> None:
    still = distance_to(torch.zeros(1, 2, 3), 0.0)
    found = descend_in_ball(still, ORIGIN, Threat(norm, 0.1), steps=1, step_size=0.05, offsets=torch.ones_like(ORIGIN))
    torch.testing.assert_close(lengths(found - ORIGIN, norm), torch.full((4,), 0.1))


def nearest_after(keep: bool) -> Tensor:
    """How far from 0.02 beyond the origin steps of 0.05 end, or come at best."""
    goal = ORIGIN + 0.02
    found = descend_in_ball(
        distance_to(goal), ORIGIN, Threat("linf", 0.5), steps=3, step_size=0.05, keep="best" if keep else "last"
    )
    return (found - goal).abs().amax(dim=(1, 2, 3))


def test_the_best_or_the_last_iterate_comes_back() -> None:
    """From -0.02 to 0.03 and back, and again: the start is best, the third step is not."""
    torch.testing.assert_close(nearest_after(True), torch.full((4,), 0.02), rtol=0, atol=1e-6)
    torch.testing.assert_close(nearest_after(False), torch.full((4,), 0.03), rtol=0, atol=1e-6)


def test_the_objective_is_told_which_steps_are_rough() -> None:
    objective, calls = watched(FAR)
    descend_in_ball(objective, ORIGIN, Threat("l2", 0.2), steps=4, step_size=0.05, rough=0.5)
    assert [call.rough for call in calls] == [True, True, False, False]
