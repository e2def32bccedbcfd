"""The least eps against brute force: the budget attack at every eps of the grid, each from the start."""

import pytest
import torch
from torch import Tensor

from featsplit.attacks import Nearest, Network, bim, fgsm, kurakin_steps
from featsplit.attacks.least_eps import least_eps_bim, least_eps_fgsm
from featsplit.attacks.nearest import adversarial
from featsplit.errors import FeatsplitError
from tests.attacks.networks import SIZE, draw, images, linear, small_network


def wavy(inputs: Tensor) -> Tensor:
    """A network whose margin rises and falls along every line, so the fast method wins, loses and wins again."""
    hidden = torch.sin(inputs.flatten(1) @ draw(SIZE, 8, seed=3) * 6)
    return hidden @ draw(8, 4, seed=4)


MOST = {"fgsm": 0.15, "bim": 0.03}


def at(attack: str, network: Network, inputs: Tensor, labels: Tensor, *, eps: float, targeted: bool) -> Tensor:
    run = fgsm if attack == "fgsm" else bim
    return run(network, inputs, labels, eps=eps, targeted=targeted)


def least(attack: str, network: Network, inputs: Tensor, labels: Tensor, *, levels: int, targeted: bool) -> Nearest:
    run = least_eps_fgsm if attack == "fgsm" else least_eps_bim
    return run(network, inputs, labels, levels=levels, most=MOST[attack], targeted=targeted)


@pytest.mark.parametrize("attack", ["fgsm", "bim"])
@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("levels", [255, 510, 100])
def test_it_is_the_first_eps_of_the_grid_that_succeeds(attack: str, targeted: bool, levels: int) -> None:
    inputs = images(40)
    labels = wavy(inputs).argsort(dim=1, descending=True)[:, 3 * targeted]
    expected = inputs.clone()
    won_at = torch.full((40,), torch.inf)
    again = torch.zeros(40, dtype=torch.bool)
    for level in range(1, int(MOST[attack] * levels + 1e-6) + 1):
        moved = at(attack, wavy, inputs, labels, eps=level / levels, targeted=targeted)
        won = adversarial(wavy, moved, labels, targeted=targeted)
        again |= won_at.isfinite() & ~won
        first = won & won_at.isinf()
        expected[first], won_at[first] = moved[first], level / levels
    found = least(attack, wavy, inputs, labels, levels=levels, targeted=targeted)
    assert torch.equal(found.success, won_at.isfinite())
    assert int(found.success.sum()) > 3
    torch.testing.assert_close(found.inputs, expected, rtol=0, atol=1e-6)
    assert (found.distance[found.success] <= won_at[found.success] + 1e-6).all()
    if attack == "fgsm":
        assert again.any(), "some are lost again at a larger eps"


def test_steps_that_all_eps_share_are_taken_once() -> None:
    _, network = linear(2, scale=1.0)
    inputs = images(low=0.4, high=0.6)
    labels = network(inputs).argmax(dim=1)
    found = least_eps_bim(network, inputs, labels)
    for calls, distance in zip(found.calls.tolist(), found.distance.tolist(), strict=True):
        tried = round(distance * 255)
        own = sum(kurakin_steps(level / 255) - level + 1 for level in range(1, tried + 1))
        assert calls == 2 + (tried - 1) + own + 2


def test_an_image_without_a_gradient_costs_nothing_more() -> None:
    _, network = linear(2, scale=1e5)
    inputs = images()
    labels = network(inputs).argmax(dim=1)
    for attack in (least_eps_fgsm, least_eps_bim):
        assert attack(network, inputs, labels).distance.tolist() == [float("inf")] * 6
        assert attack(network, inputs, labels).calls.tolist() == [4] * 6
        assert attack(network, inputs, labels, loss="margin").success.all()


def test_a_grid_without_an_eps_is_refused() -> None:
    network, inputs, labels = small_network(), images(), torch.zeros(6, dtype=torch.int64)
    with pytest.raises(FeatsplitError, match=r"least_eps_fgsm.levels = 0: must be at least 1"):
        least_eps_fgsm(network, inputs, labels, levels=0)
    with pytest.raises(FeatsplitError, match=r"least_eps_bim.most = 8: must be at least 1 / levels = 0.003922"):
        least_eps_bim(network, inputs, labels, most=8)
