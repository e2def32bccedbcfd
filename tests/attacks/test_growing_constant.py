"""Runs of Adam that end with a win, or double c."""

import pytest
import torch
from torch import Tensor

from featsplit.attacks.growing_constant import NEARLY, Schedule, lead_of
from tests.attacks.networks import SHAPE, draw, images


def test_a_run_that_wins_stays_and_begins_anew_and_one_that_has_no_steps_left_doubles_c() -> None:
    schedule = Schedule(steps=3, step_size=0.1, constant=0.5, largest=1e3, early_stop=False)
    runs = schedule.begin(torch.arange(3), images(3), torch.zeros(3, dtype=torch.int64))
    start, loss, none = runs.point.clone(), torch.ones(3), torch.zeros(3, dtype=torch.bool)
    for k in range(2):
        runs.descend(draw(3, *SHAPE, seed=k), loss, none, schedule)
    before = runs.point.clone()
    assert (before != start).all()
    runs.descend(draw(3, *SHAPE, seed=3), loss, torch.tensor([False, True, False]), schedule)
    assert torch.equal(runs.point[1], before[1])
    assert (runs.point[[0, 2]] != before[[0, 2]]).all()
    assert runs.constant.tolist() == [1.0, 0.5, 1.0]
    assert runs.count.tolist() == [0, 0, 0]
    assert runs.adam.count.tolist() == [3, 0, 3], "Adam goes on where c is doubled"
    assert (runs.adam.mean[1] == 0).all()


def test_a_run_that_no_longer_improves_doubles_c_at_once_if_it_may_end_early() -> None:
    for early_stop, constant in ((True, 1.0), (False, 0.5)):
        schedule = Schedule(steps=100, step_size=0.1, constant=0.5, largest=1e3, early_stop=early_stop)
        runs = schedule.begin(torch.arange(1), images(1), torch.zeros(1, dtype=torch.int64))
        for k in range(11):
            runs.descend(draw(1, *SHAPE, seed=k), torch.ones(1), torch.zeros(1, dtype=torch.bool), schedule)
        assert runs.constant.tolist() == [constant]


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("size", [1.0, 1e3, 1e5])
@pytest.mark.parametrize("lead", [0.0, 0.01])
def test_f_ends_where_the_attack_has_won_however_large_the_logits(targeted: bool, size: float, lead: float) -> None:
    """Else nothing would pull at an image that lies between; leads are up to three times what float32 may round."""
    labels, way = torch.zeros(601, dtype=torch.int64), -1 if targeted else 1

    def network(inputs: Tensor) -> Tensor:
        ahead = way * inputs[:, 0, 0, 0] * (3e-5 * size + 3 * lead)
        return size + torch.stack([-ahead / 2, ahead / 2], dim=1)

    inputs = torch.linspace(-1, 1, 601)[:, None, None, None]
    at = lead_of(network, inputs, labels, targeted=targeted, lead=lead)
    assert at.won.any()
    assert not at.won[inputs.flatten() <= 0].any()
    assert not (at.won & (at.value >= NEARLY)).any()
    if size > 1:
        assert torch.equal(at.won, at.value < NEARLY)
    assert torch.equal((at.gradient == 0).flatten(), at.value == 0)
    assert (at.steepest != 0).all()
