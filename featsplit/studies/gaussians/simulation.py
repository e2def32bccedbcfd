r"""Two Gaussians by simulation: what the paper's theorems say, found again by sampling, ascent and descent.

The simulations know the loss and the adversary of `theory`, and none of its formulas. In Theorem 2 (`theorem2`) the
adversary moves all examples within one budget, mean ||delta||^2 = eps^2, as in the proof; then the robust solution
keeps mu* and blends S* with the identity, and the gradient of its rule sign(x' S^-1 mu) turns towards the vector
between the means.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

from featsplit.progress import progress
from featsplit.randomness import torch_generator
from featsplit.studies.gaussians.rows import GaussiansRow, Theorem
from featsplit.studies.gaussians.settings import Settings
from featsplit.studies.gaussians.theorem2 import robust_fit
from featsplit.studies.gaussians.theory import (
    alignment,
    excess_loss,
    least_alignment,
    robust_variances,
    rule_accuracy,
)


class Estimate(NamedTuple):
    """A mean over samples and its standard error."""

    value: float
    error: float


def compare(settings: Settings, *, seed: int) -> list[GaussiansRow]:
    """A row for each number of the theory: its `closed` form, the same `simulated`, and its standard `error`.

    `theorem` 1, 2 or 3, or "rule" for the accuracy of the rule of each solution; `of` says what, at which `eps`.
    `scale` is what a difference is a share of: the closed form, or of a mean the standard deviation where that is more,
    since the mean may be 0; 1 of a cosine and of an accuracy. `converged` is False where the descent has not.
    """
    rows = _theorem_1(settings, seed)
    for eps in progress(settings.eps, "adversarial training"):
        rows += _solution(settings, eps, seed)
    return [{**row, "seed": seed, "samples": settings.samples} for row in rows]


def _row(
    theorem: Theorem, of: str, eps: float | None, closed: float, found: Estimate, scale: float = 1.0
) -> GaussiansRow:
    row: GaussiansRow = {"theorem": theorem, "of": of, "eps": eps, "closed": closed, "simulated": found.value}
    return {**row, "error": found.error, "scale": scale, "converged": True}


def _theorem_1(settings: Settings, seed: int) -> list[GaussiansRow]:
    variances, rows = torch.tensor(settings.variances, dtype=torch.float64), list[GaussiansRow]()
    for of, each in (("as given", variances), ("all equal", variances.mean().expand_as(variances))):
        closed = excess_loss(each, settings.price)
        found = excess_loss_simulated(each, settings.price, samples=settings.samples, seed=seed)
        rows.append(_row(1, f"excess loss, variances {of}", None, closed, found, closed))
    return rows


def _solution(settings: Settings, eps: float, seed: int) -> list[GaussiansRow]:
    """Theorems 2 and 3, and the rule, of the robust solution for `eps`."""
    mean, variances = (torch.tensor(values, dtype=torch.float64) for values in (settings.mean, settings.variances))
    solution = robust_variances(variances, eps)
    fit = robust_fit(mean + _draw(variances, settings.samples, seed), eps)
    rows: list[GaussiansRow] = []
    for place, (variance, value) in enumerate(zip(settings.variances, solution.tolist(), strict=True)):
        error = value * math.sqrt(2 / settings.samples)  # at most: S_r grows more slowly than s does
        found = Estimate(float(fit.covariance[place, place]), error)
        rows.append(_row(2, f"variance {place + 1}", eps, value, found, value))
        found = Estimate(float(fit.mean[place]), math.sqrt(variance / settings.samples))
        centre, scale = settings.mean[place], max(math.sqrt(variance), abs(settings.mean[place]))
        rows.append(_row(2, f"mean {place + 1}", eps, centre, found, scale))
    rows = [{**row, "converged": fit.converged} for row in rows]
    least = Estimate(least_alignment_found(solution, seed=seed), 0)
    rows.append(_row(3, "least cosine", eps, least_alignment(solution), least))
    own = Estimate(float(alignment(fit.mean, fit.covariance.diagonal())), 0)
    rows.append(_row(3, "cosine of this mean", eps, float(alignment(mean, solution)), own))
    for moved in settings.eps:
        simulated = rule_accuracy_simulated(
            mean, variances, mean / solution, moved, samples=settings.samples, seed=seed
        )
        closed = rule_accuracy(mean, variances, mean / solution, moved)
        rows.append(_row("rule", f"accuracy, moved by {moved:g}", eps, closed, simulated))
    return rows


def excess_loss_simulated(variances: Tensor, penalty: float, *, samples: int, seed: int) -> Estimate:
    """`theory.excess_loss` by sampling: the adversary climbs the gain of each example, a parabola, to its top.

    By conjugate gradients: near the least price the gain is almost flat in one direction and steep in the others, and
    plain ascent would take as many steps as the curvatures differ.
    """
    apart = _draw(variances, samples, seed)
    moved = torch.zeros_like(apart)
    left = direction = apart / variances  # half the gradient of the gain, at delta = 0
    size = first = left.square().sum(dim=1, keepdim=True)
    for _ in range(10 * len(variances)):
        bent = penalty * direction - direction / variances
        step = (size / (direction * bent).sum(dim=1, keepdim=True)).nan_to_num()
        moved, left = moved + step * direction, left - step * bent
        before, size = size, left.square().sum(dim=1, keepdim=True)
        if bool((size <= 1e-24 * first).all()):
            break
        direction = left + (size / before).nan_to_num() * direction
    added = ((apart + moved).square() - apart.square()) / variances
    return _estimate(added.sum(dim=1))


def least_alignment_found(variances: Tensor, *, seed: int, starts: int = 8) -> float:
    """`theory.least_alignment` by L-BFGS over mu: the least cosine of several random `starts`."""
    first = torch.randn(starts, len(variances), dtype=torch.float64, generator=torch_generator(seed, "toy/alignment"))
    first = (first * variances.sqrt()).requires_grad_()
    optimiser: Optimizer = torch.optim.LBFGS(
        [first], max_iter=2000, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def total() -> float:
        optimiser.zero_grad()
        loss = alignment(first, variances).sum()
        torch.autograd.backward(loss)
        return loss.item()

    optimiser.step(total)
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
