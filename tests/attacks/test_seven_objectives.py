"""The seven objectives of Carlini and Wagner against their formulas in numpy."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from featsplit.attacks.seven_objectives import OBJECTIVES, ObjectiveName, objective_value
from tests.attacks.networks import draw

Array = NDArray[np.float64]

each = pytest.mark.parametrize("name", OBJECTIVES)
both = pytest.mark.parametrize("targeted", [False, True])


def formula(name: str, z: Array, label: int, *, targeted: bool) -> float:
    """As printed, with the two corrections; the goal is the target, or the strongest wrong class."""
    f = np.exp(z) / np.exp(z).sum()
    other = max((i for i in range(len(z)) if i != label), key=lambda i: float(z[i]))
    goal, rival = (label, other) if targeted else (other, label)
    values = {
        "f1": -np.log(f[goal]) - 1,
        "f2": max(f[rival] - f[goal], 0),
        "f3": np.log(1 + np.exp(f[rival] - f[goal])) - np.log(2),
        "f4": max(0.5 - f[goal], 0),
        "f5": max(-np.log(2 * f[goal]), 0),
        "f6": max(z[rival] - z[goal], 0),
        "f7": np.log(1 + np.exp(z[rival] - z[goal])) - np.log(2),
    }
    return float(values[name])


def drawn() -> tuple[Tensor, Tensor]:
    """Logits of 40 images, all of them negative, and labels of which some are predicted."""
    return 2 * draw(40, 5, seed=2) - 10, torch.arange(40) % 5


@each
@both
def test_each_objective_is_its_formula(name: ObjectiveName, targeted: bool) -> None:
    logits, labels = drawn()
    pairs = zip(logits.double().numpy(), labels.tolist(), strict=True)
    expected = torch.tensor([formula(name, z, label, targeted=targeted) for z, label in pairs])
    values = objective_value(name, logits, labels, targeted=targeted)
    torch.testing.assert_close(values, expected, rtol=1e-5, atol=1e-6)
    assert len(set(values.tolist())) > 5


@pytest.mark.parametrize("name", ["f2", "f4", "f5", "f6"])
@both
def test_a_hinge_is_at_0_only_where_the_attack_has_won(name: ObjectiveName, targeted: bool) -> None:
    logits, labels = drawn()
    won = (logits.argmax(dim=1) == labels) == targeted
    done = objective_value(name, logits, labels, targeted=targeted) == 0
    assert won.any()
    assert not won.all()
    assert not (done & ~won).any()
    if name in ("f2", "f6"):
        assert torch.equal(done, won)


@both
def test_f6_with_confidence_asks_for_that_lead_of_logits(targeted: bool) -> None:
    logits, labels = drawn()
    own = logits[torch.arange(40), labels]
    others = logits.scatter(1, labels[:, None], -torch.inf).amax(dim=1)
    lead = own - others if targeted else others - own
    value = objective_value("f6", logits, labels, targeted=targeted, confidence=2.5)
    torch.testing.assert_close(value, (2.5 - lead).clamp_min(0))


@each
@pytest.mark.parametrize("scale", [1.0, 1e5])
def test_no_objective_has_a_gradient_that_is_not_finite(name: ObjectiveName, scale: float) -> None:
    logits, labels = drawn()
    logits = (scale * logits).requires_grad_(True)
    (gradient,) = torch.autograd.grad(objective_value(name, logits, labels, targeted=True).sum(), logits)
    assert gradient.isfinite().all()
