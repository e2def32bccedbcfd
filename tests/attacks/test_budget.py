"""Attacks against closed forms (a linear network), the authors' own step classes, and the laws of the threat model."""

import importlib
import warnings
from typing import Any, Literal

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from featsplit.attacks import bim, classification, fgsm, kurakin_steps, least_likely, margin, pgd
from featsplit.errors import FeatsplitError
from featsplit.geometry import Norm, Threat, lengths
from tests.attacks.networks import SHAPE, SIZE, classes, draw, dual, images, linear, norms, pairwise, small_network


@norms
@classes
@pytest.mark.parametrize("attack", ["fgsm", "bim", "pgd"])
def test_the_margin_of_a_linear_network_falls_by_eps_times_the_dual_norm(norm: Norm, classes: int, attack: str) -> None:
    network, inputs, labels, gain = pairwise(classes, norm)
    if attack == "fgsm":
        found = fgsm(network, inputs, labels, norm=norm, eps=0.1)
    elif attack == "bim":
        found = bim(network, inputs, labels, norm=norm, eps=0.1, steps=5, step_size=0.03)
    else:
        found = pgd(network, inputs, labels, norm=norm, eps=0.1, steps=5, step_size=0.03)
    fall = margin(network(inputs), labels) - margin(network(found), labels)
    torch.testing.assert_close(fall, 0.1 * gain, rtol=1e-4, atol=0)


@norms
def test_a_margin_attack_steps_towards_the_runner_up_alone(norm: Norm) -> None:
    """The cross-entropy pushes towards all other classes, the margin towards the nearest; with three they differ."""
    weights, network = linear(3)
    inputs, labels = images(low=0.4, high=0.6), torch.arange(6) % 3
    near = network(inputs).scatter(1, labels[:, None], float("-inf")).argmax(1)
    ways = weights[near] - weights[labels]
    ways = ways / ways.norm(dim=1, keepdim=True) if norm == "l2" else ways.sign()
    one: dict[str, Any] = {"norm": norm, "eps": 0.1, "steps": 1, "step_size": 0.1, "keep": "last"}
    found = pgd(network, inputs, labels, loss="margin", **one)
    torch.testing.assert_close(found, inputs + 0.1 * ways.view(-1, *SHAPE), rtol=0, atol=1e-6)
    assert not torch.allclose(pgd(network, inputs, labels, **one), found, atol=1e-3)


@norms
@pytest.mark.parametrize("keep", ["last", "best"])
def test_a_targeted_attack_gains_the_same_towards_its_target(norm: Norm, keep: Literal["last", "best"]) -> None:
    network, inputs, labels, gain = pairwise(5, norm)
    targets = 1 - labels
    found = pgd(network, inputs, targets, norm=norm, eps=0.1, steps=5, step_size=0.03, targeted=True, keep=keep)
    rise = margin(network(found), targets) - margin(network(inputs), targets)
    torch.testing.assert_close(rise, 0.1 * gain, rtol=1e-4, atol=0)


@norms
@classes
def test_no_linear_margin_falls_below_its_closed_form(norm: Norm, classes: int) -> None:
    """min over the ball of min_j (w_y - w_j) x, for each j in closed form; PGD must come near and never below."""
    weights, network = linear(classes, scale=5)
    inputs, labels = images(low=0.4, high=0.6), torch.arange(6) % classes
    ways = 5 * (weights[labels][:, None] - weights[None])
    reach = torch.einsum("nkd,nd->nk", ways, inputs.flatten(1)) - 0.1 * dual(ways.flatten(0, 1), norm).view(6, -1)
    reach[torch.arange(6), labels] = float("inf")
    bound = reach.amin(dim=1)
    found = margin(network(pgd(network, inputs, labels, norm=norm, eps=0.1, steps=40, step_size=0.02)), labels)
    clean = margin(network(inputs), labels)
    assert (found >= bound - 1e-4).all()
    assert ((clean - found) >= 0.95 * (clean - bound)).float().mean() > 0.8


def test_fgsm_is_the_image_plus_eps_times_the_sign_of_the_gradient() -> None:
    network, inputs, labels = small_network(), images().requires_grad_(True), torch.arange(6) % 4
    (gradient,) = torch.autograd.grad(F.cross_entropy(network(inputs), labels, reduction="sum"), inputs)
    for targeted, sign in ((False, 1), (True, -1)):
        expected = (inputs.detach() + 0.3 * sign * gradient.sign()).clamp(0, 1)
        found = fgsm(network, inputs.detach(), labels, eps=0.3, targeted=targeted)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def robustness_step(norm: Norm, inputs: Tensor, *, eps: float, step_size: float) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escape sequences in its docstrings
        steps = importlib.import_module("robustness.attack_steps")
    return (steps.L2Step if norm == "l2" else steps.LinfStep)(inputs, eps, step_size)


@norms
@pytest.mark.parametrize("shifted", [False, True])
def test_iterates_are_those_of_the_robustness_package(norm: Norm, shifted: bool) -> None:
    network, inputs, labels = small_network(), images(), torch.arange(6) % 4
    eps = 0.8 if norm == "l2" else 0.2
    offsets = Threat(norm, eps).random_offsets(range(6), SHAPE, seed=0, stage="t") if shifted else None
    step = robustness_step(norm, inputs, eps=eps, step_size=0.3 * eps)
    point = inputs if offsets is None else step.project(inputs + offsets)
    for steps in range(1, 8):
        free = point.clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(F.cross_entropy(network(free), labels, reduction="sum"), free)
        point = step.project(step.step(point, gradient))
        found = pgd(
            network, inputs, labels, norm=norm, eps=eps, steps=steps, step_size=0.3 * eps, offsets=offsets, keep="last"
        )
        torch.testing.assert_close(found, point, rtol=0, atol=1e-5)


def test_bim_is_pgd_from_the_image_itself_with_the_last_iterate() -> None:
    network, inputs, labels = small_network(), images(), torch.arange(6) % 4
    found = bim(network, inputs, labels, norm="l2", eps=0.5, steps=7, step_size=0.4)
    expected = pgd(network, inputs, labels, norm="l2", eps=0.5, steps=7, step_size=0.4, keep="last")
    assert torch.equal(found, expected)


@norms
def test_least_likely_moves_towards_the_least_likely_class(norm: Norm) -> None:
    network, inputs = small_network(), images()
    targets = network(inputs).argmin(dim=1)
    found = least_likely(network, inputs, norm=norm, eps=0.3, steps=5, step_size=0.1)
    before, after = (network(x).log_softmax(1).gather(1, targets[:, None]) for x in (inputs, found))
    assert (after > before).all()
    expected = pgd(network, inputs, targets, norm=norm, eps=0.3, steps=5, step_size=0.1, targeted=True, keep="last")
    assert torch.equal(found, expected)


@norms
@pytest.mark.parametrize("targeted", [False, True])
def test_best_is_never_worse_than_last(norm: Norm, targeted: bool) -> None:
    network, inputs, labels = small_network(), images(40), torch.arange(40) % 4

    def score(keep: Literal["last", "best"]) -> Tensor:
        found = pgd(network, inputs, labels, norm=norm, eps=0.2, steps=4, step_size=1.5, targeted=targeted, keep=keep)
        return classification(network, labels, targeted=targeted)(found, torch.arange(len(found)), rough=False).score

    best, last = score("best"), score("last")
    assert (best <= last).all()
    assert (best < last - 1e-4).any(), "with steps this long the end is not always the best"


@norms
def test_a_batch_gives_what_its_images_give_one_by_one(norm: Norm) -> None:
    network, inputs, labels = small_network(), images(), torch.arange(6) % 4

    def run(rows: slice) -> Tensor:
        return pgd(network, inputs[rows], labels[rows], norm=norm, eps=0.3, steps=6, step_size=0.1)

    alone = torch.cat([run(slice(row, row + 1)) for row in range(6)])
    torch.testing.assert_close(run(slice(None)), alone, rtol=0, atol=1e-5)


@norms
@settings(max_examples=25, deadline=None)
@given(eps=st.floats(0, 1), pace=st.floats(0.05, 2), seed=st.integers(0, 1000))
def test_what_comes_back_is_an_image_in_the_ball(norm: Norm, eps: float, pace: float, seed: int) -> None:
    network, inputs, labels = small_network(), images(seed=seed), torch.arange(6) % 4
    offsets = Threat(norm, eps).random_offsets(range(6), SHAPE, seed=seed, stage="t")
    found = pgd(network, inputs, labels, norm=norm, eps=eps, steps=3, step_size=pace * eps, offsets=offsets)
    assert ((found >= 0) & (found <= 1)).all()
    assert (lengths(found - inputs, norm) <= eps + 1e-5).all()


@norms
def test_a_network_that_is_sure_of_itself_can_be_attacked(norm: Norm) -> None:
    """With logits 70 apart the gradients of the cross-entropy are near 1e-30, and yet they point the right way.

    Only the label's own logit depends on the image, so a float32 softmax, whose p_y is 1, would give no gradient.
    """
    weights = draw(SIZE, seed=1)
    inputs, labels = images(low=0.4, high=0.6), torch.zeros(6, dtype=torch.int64)

    def network(inputs: Tensor) -> Tensor:
        lead = 70 + 0.1 * (inputs - 0.5).flatten(1) @ weights
        return torch.stack([lead, torch.zeros_like(lead)], dim=1)

    free = inputs.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(
        classification(network, labels)(free, torch.arange(len(free)), rough=False).loss.sum(), free
    )
    assert 0 < gradient.abs().max() < 1e-29
    found = pgd(network, inputs, labels, norm=norm, eps=0.1, steps=5, step_size=0.03, keep="last")
    step = -0.1 * (weights / weights.norm() if norm == "l2" else weights.sign())
    torch.testing.assert_close(found, inputs + step.view(SHAPE), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("eps", "steps"), [(2, 2), (4, 5), (8, 10), (16, 20), (32, 36), (64, 68), (0, 1), (0.5, 1)])
def test_kurakins_rule_is_the_table_of_the_paper(eps: float, steps: int) -> None:
    assert kurakin_steps(eps / 255) == steps


@pytest.mark.parametrize("eps", [2, 4, 16, 64])
def test_without_steps_the_iterative_methods_follow_kurakins_rule(eps: int) -> None:
    """Against his equations in 255ths: steps of 1, clipped to min(255, x + eps, max(0, x - eps, .))."""
    network, inputs = small_network(), images()
    for targeted, labels in ((False, torch.arange(6) % 4), (True, network(inputs).argmin(dim=1))):
        centre = point = 255 * inputs
        for _ in range({2: 2, 4: 5, 16: 20, 64: 68}[eps]):
            free = point.clone().requires_grad_(True)
            (gradient,) = torch.autograd.grad(F.cross_entropy(network(free / 255), labels, reduction="sum"), free)
            moved = point + (-1 if targeted else 1) * gradient.sign()
            lowest, highest = (centre - eps).clamp_min(0), (centre + eps).clamp_max(255)
            point = torch.minimum(highest, torch.maximum(lowest, moved))
        found = bim(network, inputs, labels, eps=eps / 255, targeted=targeted)
        torch.testing.assert_close(found, point / 255, rtol=0, atol=1e-6)
    torch.testing.assert_close(least_likely(network, inputs, eps=eps / 255), point / 255, rtol=0, atol=1e-6)


def test_half_a_plan_and_kurakins_rule_in_l2_are_refused() -> None:
    network, inputs, labels = small_network(), images(), torch.arange(6) % 4
    with pytest.raises(FeatsplitError, match=r"bim.steps = 5, bim.step_size = None: give both, or neither"):
        bim(network, inputs, labels, eps=0.1, steps=5)
    with pytest.raises(FeatsplitError, match=r"least_likely.steps = None, least_likely.step_size = 0.1: give both"):
        least_likely(network, inputs, eps=0.1, step_size=0.1)
    with pytest.raises(FeatsplitError, match=r'bim.steps = None: the rule .* is for norm "linf"; for "l2" give steps'):
        bim(network, inputs, labels, norm="l2", eps=0.5)


@norms
@pytest.mark.parametrize("targeted", [False, True])
def test_fgsm_without_clipping_leaves_the_box_and_only_that(norm: Norm, targeted: bool) -> None:
    """On a linear network of two classes the margin falls by eps times the dual norm, whatever the walls."""
    weights, network = linear(2)
    inputs, labels, eps = images(), torch.arange(6) % 2, 0.7
    found = fgsm(network, inputs, labels, norm=norm, eps=eps, targeted=targeted, clip=False)
    way = (weights[1 - labels] - weights[labels]) * (-1 if targeted else 1)
    way = way.sign() if norm == "linf" else way / way.norm(dim=1, keepdim=True)
    torch.testing.assert_close(found, inputs + eps * way.view(-1, *SHAPE), rtol=0, atol=1e-6)
    assert ((found < 0) | (found > 1)).any()
    clipped = fgsm(network, inputs, labels, norm=norm, eps=eps, targeted=targeted)
    torch.testing.assert_close(clipped, found.clamp(0, 1), rtol=0, atol=1e-6)


def test_fgsm_on_the_margin_moves_where_the_cross_entropy_cannot() -> None:
    _, network = linear(2, scale=1e5)
    inputs = images()
    labels = network(inputs).argmax(dim=1)
    assert torch.equal(fgsm(network, inputs, labels, eps=0.1), inputs)
    found = fgsm(network, inputs, labels, eps=0.1, loss="margin")
    assert (margin(network(found), labels) < margin(network(inputs), labels)).all()
