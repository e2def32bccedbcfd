"""What logits mean: costs and probabilities against torch's own and numpy, and the fast method on them."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from featsplit.models import build
from featsplit.studies.goodfellow2015.networks import RBF
from featsplit.studies.goodfellow2015.tops import Top, cost, fast, probabilities, seen

LOGITS = -torch.rand((20, 4), generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 5
LABELS = torch.arange(20) % 4


def test_costs_are_those_of_torch() -> None:
    own = F.one_hot(LABELS, 4).double()
    softmax = F.cross_entropy(LOGITS, LABELS, reduction="none")
    sigmoid = F.binary_cross_entropy_with_logits(LOGITS, own, reduction="none").sum(dim=1)
    exp = F.binary_cross_entropy(LOGITS.exp(), own, reduction="none").sum(dim=1)
    torch.testing.assert_close(cost(LOGITS, LABELS, "softmax"), softmax)
    torch.testing.assert_close(cost(LOGITS, LABELS, "sigmoid"), sigmoid)
    torch.testing.assert_close(cost(LOGITS, LABELS, "exp"), exp)


def test_a_class_that_is_sure_and_wrong_costs_no_infinity() -> None:
    logits = torch.tensor([[0.0, -1.0], [-1000.0, -0.0]], requires_grad=True)
    found = cost(logits, torch.tensor([1, 0]), "exp")
    assert found.isfinite().all()
    (gradient,) = torch.autograd.grad(found.sum(), logits)
    assert gradient.isfinite().all()


def test_only_a_softmax_has_to_be_sure_of_something() -> None:
    far = torch.full((1, 4), -50.0)
    assert float(probabilities(far, "softmax").sum()) == pytest.approx(1)
    assert float(probabilities(far, "sigmoid").max()) < 1e-20
    assert float(probabilities(far, "exp").max()) < 1e-20
    assert int(seen(lambda x: x, torch.tensor([[-2.0, -1.0]]), "exp").predicted) == 1
    assert float(seen(lambda x: x, torch.tensor([[-2.0, -1.0]]), "exp").confidence) == pytest.approx(np.exp(-1))


@pytest.mark.parametrize("top", ["softmax", "sigmoid", "exp"])
def test_the_fast_method_climbs_the_cost_of_the_top(top: Top) -> None:
    """The sign of the gradient by differences of the cost, in float64; clipping touches the ends alone."""
    rng = np.random.default_rng(0)
    weights = torch.tensor(rng.normal(size=(9, 3)))
    inputs, labels = torch.tensor(rng.random((2, 1, 3, 3))), torch.tensor([0, 2])

    def network(x: Tensor) -> Tensor:
        return -(x.flatten(1) @ weights).square() - 0.1

    moved = fast(network, inputs, labels, eps=0.3, clip=False, top=top)
    for pixel in range(9):
        step = torch.zeros(9, dtype=torch.float64)
        step[pixel] = 1e-6
        up, down = (cost(network(inputs + sign * step.reshape(3, 3)), labels, top) for sign in (1, -1))
        torch.testing.assert_close((moved - inputs).flatten(1)[:, pixel], 0.3 * (up - down).sign())
    clipped = fast(network, inputs, labels, eps=0.3, clip=True, top=top)
    torch.testing.assert_close(clipped, moved.clamp(0, 1))


def test_rbf_units_are_what_numpy_says_and_unsure_far_away() -> None:
    model = build(RBF, shape=(1, 2, 3), classes=4)
    rng = np.random.default_rng(0)
    centres, widths, inputs = rng.random((4, 6)), rng.random((4, 6)), rng.random((5, 6))
    bumps = dict(model.body.named_parameters())
    with torch.no_grad():
        bumps["1.centres"].copy_(torch.tensor(centres))
        bumps["1.log_widths"].copy_(torch.tensor(np.log(widths)))
        found = model(torch.tensor(inputs).float().reshape(5, 1, 2, 3))
        far = seen(model, torch.full((1, 1, 2, 3), 30.0), "exp")
    expected = -(widths * (inputs[:, None] - centres) ** 2).sum(axis=2)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert float(far.confidence) < 1e-30
