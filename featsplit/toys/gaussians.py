r"""Two Gaussians by simulation: what the paper's theorems say, found again by sampling, ascent and descent.

The simulations know the loss and the adversary of `theory`, and none of its formulas. In Theorem 2 the adversary moves
all examples within one budget, mean ||delta||^2 = eps^2, as in the proof; then the robust solution keeps mu* and blends
S* with the identity, and the gradient of its rule sign(x' S^-1 mu) turns towards the vector between the means.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from featsplit.errors import FeatsplitError, check_count
from featsplit.progress import progress
from featsplit.randomness import torch_generator
from featsplit.toys.theory import (
    alignment,
    excess_loss,
    least_alignment,
    robust_variances,
    rule_accuracy,
)

STEPS, ASCENT, RATE = 500, 5, 0.1
"""Of adversarial training: steps of the solution, of the adversary in each, and Adam's rate at the start."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Gaussians:
    """What is asked: the mean mu* of class 1, the variances s, the radii `eps`, and how many samples to simulate with.

    `penalty` is Theorem 1's C, above 1 / min(s); None: twice that. The defaults are those of the paper's Figure 4.
    """

    mean: tuple[float, ...] = (10.0, -1.0)
    variances: tuple[float, ...] = (21.6, 0.86)
    eps: tuple[float, ...] = (0.0, 1.0, 10.0)
    penalty: float | None = None
    samples: int = 50_000

    def check(self) -> None:
        """Raise FeatsplitError where a field is out of its range."""
        if len(self.mean) != len(self.variances) or len(self.mean) < 2:
            raise FeatsplitError(
                f"--mean and --variances: have {len(self.mean)} and {len(self.variances)} numbers; give as many to "
                "each, 2 or more"
            )
        if not all(0 < variance < math.inf for variance in self.variances):
            raise FeatsplitError(f"--variances {list(self.variances)}: must be greater than 0")
        if not any(self.mean):
            raise FeatsplitError(f"--mean {list(self.mean)}: the two classes would be one; give a number other than 0")
        if not all(0 <= eps < math.inf for eps in self.eps):
            raise FeatsplitError(f"--eps {list(self.eps)}: must be at least 0")
        least = 1 / min(self.variances)
        if self.penalty is not None and not self.penalty > least:
            raise FeatsplitError(
                f"--penalty {self.penalty:g}: must be above 1 / the least variance = {least:g}, or the adversary's "
                "gain has no bound"
            )
        check_count("--samples", self.samples)

    @property
    def price(self) -> float:
        """C, what the adversary of Theorem 1 pays."""
        return self.penalty or 2 / min(self.variances)


class Estimate(NamedTuple):
    """A mean over samples and its standard error."""

    value: float
    error: float


def compare(asked: Gaussians, *, seed: int) -> list[Row]:
    """A row for each number of the theory: its `closed` form, the same `simulated`, and its standard `error`.

    `theorem` 1, 2 or 3, or "rule" for the accuracy of the rule of each solution; `of` says what, at which `eps`.
    """
    mean, variances = (torch.tensor(values, dtype=torch.float64) for values in (asked.mean, asked.variances))
    samples, rows = asked.samples, list[Row]()

    def row(theorem: int | str, of: str, eps: float | None, closed: float, found: Estimate) -> None:
        told = {"theorem": theorem, "of": of, "eps": eps, "seed": seed, "closed": closed}
        rows.append({**told, "simulated": found.value, "error": found.error})

    for of, each in (("as given", variances), ("all equal", variances.mean().expand_as(variances))):
        simulated = excess_loss_simulated(each, asked.price, samples=samples, seed=seed)
        row(1, f"excess loss, variances {of}", None, excess_loss(each, asked.price), simulated)
    for eps in progress(asked.eps, "adversarial training"):
        solution = robust_variances(variances, eps)
        centre, covariance = robust_fit(mean, variances, eps, samples=samples, seed=seed)
        for place, value in enumerate(solution.tolist(), start=1):
            error = value * math.sqrt(2 / samples)  # at most: S_r grows more slowly than s does
            row(2, f"variance {place}", eps, value, Estimate(float(covariance[place - 1, place - 1]), error))
            error = math.sqrt(asked.variances[place - 1] / samples)
            row(2, f"mean {place}", eps, asked.mean[place - 1], Estimate(float(centre[place - 1]), error))
        row(3, "least cosine", eps, least_alignment(solution), Estimate(least_alignment_found(solution, seed=seed), 0))
        own = float(alignment(mean, solution))
        row(3, "cosine of this mean", eps, own, Estimate(float(alignment(centre, covariance.diagonal())), 0))
        for moved in asked.eps:
            simulated = rule_accuracy_simulated(mean, variances, mean / solution, moved, samples=samples, seed=seed)
            row(
                "rule",
                f"accuracy, moved by {moved:g}",
                eps,
                rule_accuracy(mean, variances, mean / solution, moved),
                simulated,
            )
    return rows


def excess_loss_simulated(variances: Tensor, penalty: float, *, samples: int, seed: int) -> Estimate:
    """`theory.excess_loss` by sampling: the adversary climbs the gain of each example by gradient ascent, to the top.

    The gain is a parabola with curvatures between C - 1 / min(s) and C - 1 / max(s): the nearer C, the longer it takes.
    """
    apart = _draw(variances, samples, seed)
    moved = torch.zeros_like(apart)
    for _ in range(100_000):
        step = ((apart + moved) / variances - penalty * moved) / (penalty - 1 / variances.max())
        moved += step
        if step.abs().max() <= 1e-9 * apart.abs().max():
            break
    added = ((apart + moved).square() - apart.square()) / variances
    return _estimate(added.sum(dim=1))


def robust_fit(mean: Tensor, variances: Tensor, eps: float, *, samples: int, seed: int) -> tuple[Tensor, Tensor]:
    """Theorem 2 by adversarial training: the mean (d,) and the covariance (d, d) that gradient descent comes to.

    In each of `STEPS` steps of Adam on mu and a Cholesky factor of S the adversary climbs the loss of all `samples` at
    once, from where it was: as the loss is convex in delta, the step to the end of the budget in the direction of the
    gradient never loses (the conditional gradient method), and needs no rate.
    """
    apart = _draw(variances, samples, seed)
    scale = float(variances.sum().sqrt())
    centre = torch.zeros_like(mean, requires_grad=True)
    factor = (scale * torch.eye(len(mean), dtype=torch.float64)).requires_grad_()
    optimiser = torch.optim.Adam([centre, factor], lr=RATE * scale)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    moved = torch.zeros_like(apart)
    for _ in range(STEPS):
        lower = factor.tril()
        with torch.no_grad():
            for _ in range(ASCENT if eps else 0):
                gradient = torch.cholesky_solve((apart + mean - centre + moved).T, lower).T
                moved = eps * gradient / gradient.square().sum(dim=1).mean().sqrt()
        whitened = torch.linalg.solve_triangular(lower, (apart + mean - centre + moved).T, upper=False)
        loss = whitened.square().sum(dim=0).mean() + 2 * lower.diagonal().abs().log().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    lower = factor.detach().tril()
    return centre.detach(), lower @ lower.T


def least_alignment_found(variances: Tensor, *, seed: int, starts: int = 8) -> float:
    """`theory.least_alignment` by L-BFGS over mu: the least cosine of several random `starts`."""
    first = torch.randn(starts, len(variances), dtype=torch.float64, generator=torch_generator(seed, "toy/alignment"))
    first.requires_grad_()
    optimiser = torch.optim.LBFGS(
        [first], max_iter=2000, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def total() -> Tensor:
        optimiser.zero_grad()
        loss = alignment(first, variances).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(total)  # type: ignore[no-untyped-call]
    return float(alignment(first.detach(), variances).min())


def rule_accuracy_simulated(
    mean: Tensor, variances: Tensor, rule: Tensor, eps: float, *, samples: int, seed: int
) -> Estimate:
    """`theory.rule_accuracy` on `samples` examples, each moved by eps along the gradient."""
    generator = torch_generator(seed, "toy/labels")
    labels = torch.randint(2, (samples, 1), generator=generator) * 2 - 1
    inputs = labels * mean + _draw(variances, samples, seed)
    inputs = inputs - labels * eps * rule / rule.norm()
    return _estimate(((inputs @ rule).sign() == labels[:, 0]).double())


def _draw(variances: Tensor, samples: int, seed: int) -> Tensor:
    """x - y mu* of `samples` examples, (samples, d)."""
    generator = torch_generator(seed, "toy/gaussians")
    return torch.randn(samples, len(variances), dtype=torch.float64, generator=generator) * variances.sqrt()


def _estimate(values: Tensor) -> Estimate:
    return Estimate(float(values.mean()), float(values.std() / math.sqrt(len(values))))
