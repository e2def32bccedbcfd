"""The theory against the reference's numbers, and against simulations that do not know its formulas."""

import math

import numpy as np
import pytest
import torch
from scipy import optimize, stats
from torch import Tensor

from featsplit.errors import FeatsplitError
from featsplit.studies.gaussians.settings import Settings
from featsplit.studies.gaussians.simulation import (
    compare,
    excess_loss_simulated,
    least_alignment_found,
    rule_accuracy_simulated,
)
from featsplit.studies.gaussians.theorem2 import _attack as attack
from featsplit.studies.gaussians.theorem2 import robust_fit
from featsplit.studies.gaussians.theory import alignment, excess_loss, least_alignment, robust_variances, rule_accuracy

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
    """Close to the least price the gain is almost flat: ascent by steps of one size would stop below its top."""
    for above in (2e-3, 1e-6):
        price = (1 + above) / float(THREE.min())
        found = excess_loss_simulated(THREE, price, samples=2000, seed=0)
        assert abs(found.value - excess_loss(THREE, price)) < 4 * found.error
        assert found.error < 0.04 * found.value


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
    apart = torch.tensor([1e-3, 1.0, 1e3], dtype=torch.float64)
    assert least_alignment_found(apart, seed=1) == pytest.approx(least_alignment(apart), abs=1e-6)


def test_alignment_grows_with_eps_for_every_mean() -> None:
    means = torch.randn(50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = torch.stack([alignment(means, robust_variances(THREE, eps)) for eps in (0.0, 1.0, 10.0, 100.0)])
    assert (found.diff(dim=0) > -1e-12).all()


def drawn(variances: tuple[float, ...], mean: float, *, samples: int = 20_000) -> Tensor:
    """`samples` examples around `mean` in each dimension, (samples, d)."""
    deviations = torch.tensor(variances, dtype=torch.float64).sqrt()
    noise = torch.randn(samples, len(variances), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return mean + noise * deviations


def test_adversarial_training_comes_to_theorem_2() -> None:
    fit = robust_fit(drawn((21.6, 0.86), 10.0), 1.0)
    expected = robust_variances(FIGURE, 1.0)
    assert fit.converged
    assert fit.covariance.diagonal().numpy() == pytest.approx(expected.numpy(), rel=0.02)
    assert abs(float(fit.covariance[0, 1])) < 0.02 * float(expected.sum())
    assert fit.mean.numpy() == pytest.approx([10, 10], abs=0.1)


@pytest.mark.parametrize(("eps", "mean"), [(0.0, 0.0), (0.1, 1e-3), (1.0, -1e3), (30.0, 0.0), (300.0, 1e3)])
@pytest.mark.parametrize(
    "variances",
    [(1.0, 1.0), (1e-3, 1e-3), (1e3, 1e3), (1e3, 1e-3), (0.9, 1.0), (4.0, 0.25, 1.0), (1e-3, 0.01, 1.0, 1.0, 100.0)],
    ids=str,
)
def test_adversarial_training_converges_whatever_the_data(
    variances: tuple[float, ...], eps: float, mean: float
) -> None:
    """To Theorem 2 of the samples' own covariance, whose axes are its eigenvectors; eps in least deviations."""
    budget = eps * min(variances) ** 0.5
    examples = drawn(variances, mean, samples=1000)
    spread, axes = torch.linalg.eigh(torch.cov(examples.T, correction=0))
    fit = robust_fit(examples, budget)
    assert fit.converged
    expected = (axes * robust_variances(spread, budget)) @ axes.T
    scale = expected.diagonal().sqrt()
    assert float(((fit.covariance - expected) / scale.outer(scale)).abs().max()) < 1e-3
    assert float(((fit.mean - examples.mean(dim=0)) / spread.min().sqrt()).abs().max()) < 1e-3


def test_ten_dimensions_converge_too() -> None:
    examples = drawn((1e-3, 0.01, 0.1, 1.0, 1.0, 1.0, 2.0, 10.0, 100.0, 1e3), 1e3, samples=1000)
    spread = torch.linalg.eigvalsh(torch.cov(examples.T, correction=0))
    fit = robust_fit(examples, 1.0)
    expected = robust_variances(spread, 1.0).sort().values
    assert fit.converged
    assert torch.linalg.eigvalsh(fit.covariance).numpy() == pytest.approx(expected.numpy(), rel=1e-3)


def test_a_descent_that_is_stopped_does_not_say_that_it_converged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("featsplit.studies.gaussians.theorem2.DESCENTS", 2)
    assert not robust_fit(drawn((21.6, 0.86), 10.0, samples=1000), 10.0).converged


def test_the_adversary_spends_his_budget_where_the_loss_grows_most() -> None:
    """By the condition of the optimum, S^-1 (r + delta) = lambda delta with lambda above all of S^-1."""
    generator = torch.Generator().manual_seed(0)
    lower, root = (torch.randn(3, 3, dtype=torch.float64, generator=generator).tril() for _ in range(2))
    lower, root = lower.tril(-1) + lower.diagonal().abs().diag(), root.tril(-1) + root.diagonal().abs().diag()
    second = root @ root.T
    moved = attack(lower, second, 2.0)
    assert float((moved @ second @ moved.T).trace()) == pytest.approx(4)
    precision = torch.cholesky_inverse(lower)
    price = precision @ (torch.eye(3, dtype=torch.float64) + moved) @ torch.linalg.inv(moved)
    assert price.numpy() == pytest.approx((price.trace() / 3 * torch.eye(3)).numpy(), abs=1e-4 * float(price.trace()))
    assert float(price.trace() / 3) > float(torch.linalg.eigvalsh(precision).max())


@pytest.mark.parametrize("eps", [0.0, 1.0, 3.0])
def test_rule_accuracy_is_that_of_the_normal_distribution(eps: float) -> None:
    rule = MEAN / FIGURE
    margin = float(rule @ MEAN - eps * rule.norm())
    spread = math.sqrt(float(rule.square() @ FIGURE))
    assert rule_accuracy(MEAN, FIGURE, rule, eps) == pytest.approx(stats.norm.cdf(margin / spread))
    found = rule_accuracy_simulated(MEAN, FIGURE, rule, eps, samples=40_000, seed=0)
    assert abs(found.value - rule_accuracy(MEAN, FIGURE, rule, eps)) < 4 * max(found.error, 1e-3)


def test_compare_holds_every_theorem_for_every_eps() -> None:
    rows = compare(Settings(eps=(0.0, 1.0), samples=2000), seed=3)
    assert {(row["theorem"], row["eps"]) for row in rows} == {
        (1, None),
        *((theorem, eps) for theorem in (2, 3, "rule") for eps in (0.0, 1.0)),
    }
    for row in rows:
        assert abs(row["simulated"] - row["closed"]) < max(5 * row["error"], 0.02 * row["scale"]), row


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(mean=(1.0,)), "mean and variances: have 1 and 2 numbers"),
        (Settings(mean=(1.0,) * 11, variances=(1.0,) * 11), "have 11 and 11 numbers; give as many to each, 2 to 10"),
        (Settings(variances=(1.0, 0.0)), "variances = [1.0, 0.0]: must be from 0.001 to 1000; only ratios matter"),
        (Settings(variances=(1.0, 1e4)), "variances = [1.0, 10000.0]: must be from 0.001 to 1000"),
        (Settings(mean=(1.0, 2e3)), "mean = [1.0, 2000.0]: must be from -1000 to 1000"),
        (Settings(variances=(1.0, 1.0), eps=(2e3,)), "eps = [2000.0]: must be from 0 to 1000"),
        (Settings(mean=(0.0, 0.0)), "the two classes would be one"),
        (Settings(eps=(-1.0,)), "eps = [-1.0]: must be from 0 to"),
        (Settings(variances=(1.0, 0.5), penalty=2.0), "penalty = 2: must be above 1 / the least variance = 2"),
        (Settings(eps=()), "eps: is empty; give the adversary's radii"),
        (Settings(precision="bfloat16"), 'precision = "bfloat16": the simulation is in float64 always'),
        (Settings(samples=99), "samples = 99: must be at least 100"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_asked(settings: Settings, message: str) -> None:
    with pytest.raises(FeatsplitError) as error:
        settings.check()
    assert message in str(error.value)
