"""Box-constrained L-BFGS against scipy itself with formulas in numpy, and on networks whose gradient vanishes."""

import math
from functools import partial
from typing import cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from featsplit.attacks import LOSSES, Loss, szegedy_lbfgs
from featsplit.errors import FeatsplitError
from tests.attacks.exact import Linear
from tests.attacks.networks import SIZE, draw, images, small_network
from tests.attacks.test_minimum_norm import N, easy, placed

Array = NDArray[np.float64]


def by_scipy(known: Linear, image: Tensor, target: int, bisections: int) -> float:
    """How near the attack comes on a linear network: every number in double precision, every gradient by hand."""
    weights, biases = known.weights.double().numpy(), known.biases.double().numpy()
    x = image.flatten().double().numpy()

    def value(point: Array, c: float) -> tuple[float, Array]:
        z = weights @ point + biases
        chances = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        slope = weights.T @ (chances - np.eye(len(z))[target])
        return c * float(((point - x) ** 2).sum()) - math.log(chances[target]), 2 * c * (point - x) + slope

    def end(c: float) -> tuple[bool, float]:
        point = minimize(value, x, args=(c,), method="L-BFGS-B", jac=True, bounds=[(0, 1)] * SIZE, options=FORTY).x
        return bool((weights @ point + biases).argmax() == target), float(np.linalg.norm(point - x))

    won = lost = 1.0
    while end(won)[0]:
        won *= 4
    while not end(won)[0]:
        won /= 4
    lost = 4 * won
    for _ in range(bisections):
        middle = math.sqrt(won * lost)
        won, lost = (middle, lost) if end(middle)[0] else (won, middle)
    return end(won)[1]


FORTY = {"maxiter": 40}


@pytest.mark.parametrize(("place", "bisections"), [("inside", 8), ("walls", 2)])
def test_it_comes_where_scipy_comes(place: str, bisections: int) -> None:
    known, inputs = easy(5, only_two=False), placed(place, 4)
    targets = (known.network()(inputs).argmax(dim=1) + 1) % 5
    result = szegedy_lbfgs(known.network(), inputs, targets, bisections=bisections, targeted=True)
    pairs = zip(inputs, targets.tolist(), strict=True)
    expected = torch.tensor([by_scipy(known, image, target, bisections) for image, target in pairs])
    torch.testing.assert_close(result.distance, expected, rtol=0.01, atol=1e-4)
    assert (result.calls > 12 * bisections).all()


@pytest.mark.parametrize("classes", [2, 5])
def test_with_cross_entropy_it_reaches_the_nearest_target_of_a_linear_network(classes: int) -> None:
    known, inputs = easy(classes, only_two=True), placed("walls")
    labels = known.network()(inputs).argmax(dim=1)
    pairs = zip(inputs, labels.tolist(), strict=True)
    truth = torch.tensor([known.distance(image, label, "l2", 1 - label) for image, label in pairs])
    result = szegedy_lbfgs(known.network(), inputs, 1 - labels, iterations=15, bisections=5, targeted=True)
    assert (result.distance <= 1.1 * truth).all(), result.distance / truth
    assert (result.distance >= truth * (1 - 1e-5)).all()


def test_where_the_gradient_of_cross_entropy_is_0_it_fails_and_with_the_margin_or_a_temperature_it_does_not() -> None:
    """Logits are so far apart that the label's probability is 1 and its gradient underflows."""
    scale = 3e4
    known = Linear(scale * draw(5, SIZE, seed=1), torch.zeros(5))
    inputs = placed("walls")
    labels = known.network()(inputs).argmax(dim=1)
    failed = szegedy_lbfgs(known.network(), inputs, labels, loss="cross-entropy")
    flat = failed.distance.isinf()
    assert flat.sum() >= N - 2
    assert torch.equal(failed.inputs[flat], inputs[flat])
    attack = partial(szegedy_lbfgs, known.network(), inputs, labels, iterations=15, bisections=2)
    assert attack(loss="margin").success.all()
    assert attack(loss="cross-entropy", temperature=scale).success.all()


def test_what_is_descended_is_cross_entropy_towards_a_target_and_the_margin_without_one() -> None:
    known, inputs = easy(5, only_two=False), placed("walls", 3)
    labels = known.network()(inputs).argmax(dim=1)
    losses: list[tuple[bool, Loss]] = [(True, "cross-entropy"), (False, "margin")]
    for targeted, loss in losses:
        attack = partial(
            szegedy_lbfgs, known.network(), inputs, (labels + targeted) % 5, bisections=2, targeted=targeted
        )
        named, other = attack(loss=loss), attack(loss=next(each for each in LOSSES if each != loss))
        assert torch.equal(attack().inputs, named.inputs)
        assert not torch.equal(named.inputs, other.inputs)


def test_the_temperature_divides_the_logits() -> None:
    known, inputs = easy(5, only_two=False), placed("inside", 3)
    targets = (known.network()(inputs).argmax(dim=1) + 1) % 5
    hot = Linear(8 * known.weights, 8 * known.biases)
    attack = partial(szegedy_lbfgs, inputs=inputs, labels=targets, iterations=15, bisections=3, targeted=True)
    cooled, plain = attack(hot.network(), temperature=8), attack(known.network())
    torch.testing.assert_close(cooled.inputs, plain.inputs, rtol=0, atol=1e-3)


def test_options_out_of_range_are_refused() -> None:
    network, inputs, labels = small_network(), images(1), torch.zeros(1, dtype=torch.int64)
    with pytest.raises(FeatsplitError, match=r'^szegedy_lbfgs.loss = "hinge": must be one of cross-entropy, margin$'):
        szegedy_lbfgs(network, inputs, labels, loss=cast("Loss", "hinge"))
    with pytest.raises(FeatsplitError, match=r"^szegedy_lbfgs.temperature = 0: must be greater than 0, and finite$"):
        szegedy_lbfgs(network, inputs, labels, temperature=0)
    with pytest.raises(FeatsplitError, match=r"^szegedy_lbfgs.iterations = 0: must be at least 1$"):
        szegedy_lbfgs(network, inputs, labels, iterations=0)
