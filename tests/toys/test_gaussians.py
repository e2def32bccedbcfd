"""The theory against the reference's numbers, and against simulations that do not know its formulas."""

import math

import numpy as np
import pytest
import torch
from scipy import optimize, stats

from featsplit.errors import FeatsplitError
from featsplit.toys.gaussians import (
    Gaussians,
    compare,
    excess_loss_simulated,
    least_alignment_found,
    robust_fit,
    rule_accuracy_simulated,
)
from featsplit.toys.theory import alignment, excess_loss, least_alignment, robust_variances, rule_accuracy

THREE = torch.tensor([4.0, 0.25, 1.0], dtype=torch.float64)
FIGURE = torch.tensor([21.6, 0.86], dtype=torch.float64)
MEAN = torch.tensor([10.0, -1.0], dtype=torch.float64)


def test_excess_loss_is_that_of_the_matrix_formula() -> None:
    matrix = np.diag(THREE.numpy())
    inner = np.eye(3) + np.linalg.inv(8 * matrix - np.eye(3))
    assert excess_loss(THREE, 8.0) == pytest.approx(np.trace(inner @ inner) - 3)
    assert excess_loss(THREE, 8.0) == pytest.approx(3.372, abs=5e-4)


def test_excess_loss_is_what_an_adversary_gains() -> None:
    found = excess_loss_simulated(THREE, 8.0, samples=40_000, seed=0)
    assert abs(found.value - excess_loss(THREE, 8.0)) < 4 * found.error
    assert found.error < 0.02 * found.value


def test_an_adversary_who_pays_little_climbs_to_the_top_all_the_same() -> None:
    """Close to the least price the gain is flat: a fixed number of steps would stop below its top."""
    price = 1.002 / float(THREE.min())
    found = excess_loss_simulated(THREE, price, samples=2000, seed=0)
    assert abs(found.value - excess_loss(THREE, price)) < 4 * found.error


def test_excess_loss_is_least_where_all_variances_are_equal() -> None:
    equal = THREE.mean().expand(3)
    for shift in (0.1, 0.5):
        apart = equal + torch.tensor([shift, -shift, 0.0], dtype=torch.float64)
        assert excess_loss(equal, 8.0) < excess_loss(apart, 8.0)


@pytest.mark.parametrize("eps", [0.01, 0.1, 1.0, 10.0, 1e4])
def test_robust_variances_solve_the_saddle_point(eps: float) -> None:
    """By the conditions of the optimum, with another solver for lambda."""

    def at(price: float) -> np.ndarray:
        s = THREE.numpy()
        return s / 2 + 1 / price + np.sqrt(s / price + s**2 / 4)

    def left(log: float) -> float:
        price = math.exp(log)
        return math.log((THREE.numpy() / (price * at(price) - 1) ** 2).sum()) - 2 * math.log(eps)

    price = math.exp(optimize.brentq(left, -30, 30, xtol=1e-14))
    assert robust_variances(THREE, eps).numpy() == pytest.approx(at(price), rel=1e-6)


def test_robust_variances_without_an_adversary_are_the_data_s() -> None:
    assert torch.equal(robust_variances(THREE, 0.0), THREE)


@pytest.mark.parametrize(("eps", "cosine"), [(0.0, 0.4706), (0.1, 0.533), (1.0, 0.816), (5.0, 0.977), (10.0, 0.993)])
def test_least_alignment_is_the_reference_s(eps: float, cosine: float) -> None:
    assert least_alignment(robust_variances(THREE, eps)) == pytest.approx(cosine, abs=5e-4)


def test_least_alignment_is_found_by_descent() -> None:
    for eps in (0.0, 1.0, 10.0):
        solution = robust_variances(THREE, eps)
        assert least_alignment_found(solution, seed=1) == pytest.approx(least_alignment(solution), abs=1e-6)


def test_alignment_grows_with_eps_for_every_mean() -> None:
    means = torch.randn(50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = torch.stack([alignment(means, robust_variances(THREE, eps)) for eps in (0.0, 1.0, 10.0, 100.0)])
    assert (found.diff(dim=0) > -1e-12).all()


def test_adversarial_training_comes_to_theorem_2() -> None:
    centre, covariance = robust_fit(MEAN, FIGURE, 1.0, samples=20_000, seed=0)
    expected = robust_variances(FIGURE, 1.0)
    assert covariance.diagonal().numpy() == pytest.approx(expected.numpy(), rel=0.02)
    assert abs(float(covariance[0, 1])) < 0.02 * float(expected.sum())
    assert centre.numpy() == pytest.approx(MEAN.numpy(), abs=0.1)


@pytest.mark.parametrize("eps", [0.0, 1.0, 3.0])
def test_rule_accuracy_is_that_of_the_normal_distribution(eps: float) -> None:
    rule = MEAN / FIGURE
    margin = float(rule @ MEAN - eps * rule.norm())
    spread = math.sqrt(float(rule.square() @ FIGURE))
    assert rule_accuracy(MEAN, FIGURE, rule, eps) == pytest.approx(stats.norm.cdf(margin / spread))
    found = rule_accuracy_simulated(MEAN, FIGURE, rule, eps, samples=40_000, seed=0)
    assert abs(found.value - rule_accuracy(MEAN, FIGURE, rule, eps)) < 4 * max(found.error, 1e-3)


def test_compare_holds_every_theorem_for_every_eps() -> None:
    rows = compare(Gaussians(eps=(0.0, 1.0), samples=2000), seed=3)
    assert {(row["theorem"], row["eps"]) for row in rows} == {
        (1, None),
        *((theorem, eps) for theorem in (2, 3, "rule") for eps in (0.0, 1.0)),
    }
    for row in rows:
        assert abs(row["simulated"] - row["closed"]) < max(5 * row["error"], 0.02 * abs(row["closed"])), row


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Gaussians(mean=(1.0,)), "--mean and --variances: have 1 and 2 numbers"),
        (Gaussians(variances=(1.0, 0.0)), "must be greater than 0"),
        (Gaussians(mean=(0.0, 0.0)), "the two classes would be one"),
        (Gaussians(eps=(-1.0,)), "--eps [-1.0]: must be at least 0"),
        (Gaussians(variances=(1.0, 0.5), penalty=2.0), "--penalty 2: must be above 1 / the least variance = 2"),
        (Gaussians(samples=0), "--samples = 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_asked(asked: Gaussians, message: str) -> None:
    with pytest.raises(FeatsplitError) as error:
        asked.check()
    assert message in str(error.value)
