"""`closest` alone: the walls at which FMN's radius stalls, flat networks, wins by rounding, its errors."""

import math
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from featsplit.attacks import Network, closest
from featsplit.attacks.closest import ClosestNorm
from featsplit.errors import FeatsplitError
from featsplit.geometry import lengths
from tests.attacks.exact import Linear
from tests.attacks.networks import SIZE, draw, images

norms = pytest.mark.parametrize("norm", get_args(ClosestNorm))

N = 8


def blocked() -> tuple[Linear, Tensor, Tensor]:
    """A linear network that looks at black pixels most, which can get no darker; the others have a long way to go."""
    weights = torch.cat([10.0 + draw(SIZE // 2, seed=1).abs(), 1.0 + 0.2 * draw(SIZE // 2, seed=2)])
    inputs = images(N, low=0.6, high=0.9)
    inputs.flatten(1)[:, : SIZE // 2] = 0.0
    known = Linear(torch.stack([weights, torch.zeros(SIZE)]), torch.tensor([-1.0, 0.0]))
    return known, inputs, torch.zeros(N, dtype=torch.int64)


def fmn_finds(network: Network, inputs: Tensor, labels: Tensor, steps: int) -> Tensor:
    """Which images FMN finds in l2 (arXiv:2102.12827, algorithm 1 and equation 4): (N,) bool."""
    delta, found = torch.zeros_like(inputs), torch.zeros(len(inputs), dtype=torch.bool)
    for step in range(steps):
        delta.requires_grad_(True)
        logits = network(inputs + delta)
        lead = logits[:, 0] - logits[:, 1]
        (gradient,) = torch.autograd.grad(lead.sum(), delta)
        size, delta, found = lengths(gradient, "l2")[:, None, None, None], delta.detach(), found | (lead < 0)
        radius = lengths(delta, "l2")[:, None, None, None] + lead.detach()[:, None, None, None] / size
        delta = delta - (1 + math.cos(math.pi * step / steps)) / 2 * gradient / size
        delta = delta * (radius / lengths(delta, "l2")[:, None, None, None]).clamp(max=1)
        delta = (inputs + delta).clamp(0, 1) - inputs
    return found


@norms
def test_black_pixels_do_not_hold_the_radius_back_as_they_do_that_of_fmn(norm: ClosestNorm) -> None:
    known, inputs, labels = blocked()
    assert not fmn_finds(known.network(), inputs, labels, 400).any()
    result = closest(known.network(), inputs, labels, norm=norm)
    truth = torch.tensor([known.distance(image, 0, norm) for image in inputs])
    assert result.success.all()
    assert (result.distance <= 1.05 * truth).all()


@norms
def test_where_the_network_is_flat_the_last_phase_starts_elsewhere(norm: ClosestNorm) -> None:
    """Two flat classes, but for a slope between them that no image lies on."""

    def network(inputs: Tensor) -> Tensor:
        lead = 1 - 10 * (inputs.flatten(1).mean(dim=1) - 0.2).relu()
        return torch.stack([lead, torch.zeros(len(inputs))], dim=1)

    inputs = images(N, high=0.2)
    result = closest(network, inputs, torch.zeros(N, dtype=torch.int64), norm=norm)
    rise = 0.3 - inputs.flatten(1).mean(dim=1)
    truth = rise * {"l1": float(SIZE), "l2": math.sqrt(SIZE), "linf": 1.0}[norm]
    assert (result.distance >= truth * (1 - 1e-5)).all()
    assert (result.distance <= truth * 1.05).all()


@norms
def test_what_it_finds_is_won_by_more_than_rounding(norm: ClosestNorm) -> None:
    """A batch of another size has other last digits. Here logits lie so high that a share of 1e-6 of them is seen."""
    known = Linear(draw(3, SIZE, seed=1), torch.full((3,), 100.0))
    inputs = images(40)
    labels = known.network()(inputs).argmax(dim=1)
    result = closest(known.network(), inputs, labels, norm=norm)
    logits = result.inputs.flatten(1).double() @ known.weights.double().T + known.biases.double()
    lead = logits.gather(1, labels[:, None])[:, 0] - logits.scatter(1, labels[:, None], -math.inf).amax(dim=1)
    assert (lead < -0.5e-6 * 100).all()


def test_a_norm_or_a_number_of_steps_that_it_does_not_know_is_refused() -> None:
    inputs, labels = images(2), torch.zeros(2, dtype=torch.int64)
    known = Linear(draw(2, SIZE), torch.zeros(2))
    unknown: Any = "l0"
    with pytest.raises(FeatsplitError, match=r'closest\.norm = "l0": must be one of l1, l2, linf'):
        closest(known.network(), inputs, labels, norm=unknown)
    with pytest.raises(FeatsplitError, match=r"closest\.steps = 0: must be at least 1"):
        closest(known.network(), inputs, labels, steps=0)
