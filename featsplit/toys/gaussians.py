r"""Two Gaussians by simulation: what the paper's theorems say, found again by sampling, ascent and descent.

The simulations know the loss and the adversary of `theory`, and none of its formulas. In Theorem 2 (`theorem2`) the
adversary moves all examples within one budget, mean ||delta||^2 = eps^2, as in the proof; then the robust solution
keeps mu* and blends S* with the identity, and the gradient of its rule sign(x' S^-1 mu) turns towards the vector
between the means.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from featsplit.errors import FeatsplitError
from featsplit.progress import progress
from featsplit.randomness import torch_generator
from featsplit.toys.theorem2 import robust_fit
from featsplit.toys.theory import (
    alignment,
    excess_loss,
    least_alignment,
    robust_variances,
    rule_accuracy,
)

MOST_DIMENSIONS, MOST_MEAN, VARIANCES, MOST_EPS, LEAST_SAMPLES = 10, 1e3, (1e-3, 1e3), 1e3, 100
"""The range in which the simulation converges; `MOST_EPS` is in units of the least standard deviation."""
UNITS = "; only ratios matter, so take another unit of length"
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
        if not len(self.mean) == len(self.variances) >= 2 or len(self.mean) > MOST_DIMENSIONS:
            raise FeatsplitError(
                f"--mean and --variances: have {len(self.mean)} and {len(self.variances)} numbers; give as many to "
                f"each, 2 to {MOST_DIMENSIONS}"
            )
        low, high = VARIANCES
        if not all(low <= variance <= high for variance in self.variances):
            raise FeatsplitError(f"--variances {list(self.variances)}: must be from {low:g} to {high:g}{UNITS}")
        if not any(self.mean):
            raise FeatsplitError(f"--mean {list(self.mean)}: the two classes would be one; give a number other than 0")
        if not all(abs(value) <= MOST_MEAN for value in self.mean):
            raise FeatsplitError(f"--mean {list(self.mean)}: must be from -{MOST_MEAN:g} to {MOST_MEAN:g}{UNITS}")
        most = MOST_EPS * math.sqrt(min(self.variances))
        if not all(0 <= eps <= most for eps in self.eps):
            raise FeatsplitError(
                f"--eps {list(self.eps)}: must be from 0 to {most:g}, {MOST_EPS:g} times the least standard deviation"
            )
        least = 1 / min(self.variances)
        if self.penalty is not None and not least * (1 + 1e-6) <= self.penalty < math.inf:
            raise FeatsplitError(
                f"--penalty {self.penalty:g}: must be above 1 / the least variance = {least:g}, by a millionth of it "
                "or more, or the adversary's gain has no bound"
            )
        if self.samples < LEAST_SAMPLES:
            raise FeatsplitError(f"--samples = {self.samples}: must be at least {LEAST_SAMPLES}")

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
    `scale` is what a difference is a share of: the closed form, or of a mean the standard deviation where that is more,
    since the mean may be 0; 1 of a cosine and of an accuracy. `converged` is False where the descent has not.
    """
    rows = _theorem_1(asked, seed)
    for eps in progress(asked.eps, "adversarial training"):
        rows += _solution(asked, eps, seed)
    return [{**row, "seed": seed, "samples": asked.samples} for row in rows]


def _row(theorem: int | str, of: str, eps: float | None, closed: float, found: Estimate, scale: float = 1.0) -> Row:
    told = {"theorem": theorem, "of": of, "eps": eps, "closed": closed, "simulated": found.value}
    return {**told, "error": found.error, "scale": scale, "converged": True}


def _theorem_1(asked: Gaussians, seed: int) -> list[Row]:
    variances, rows = torch.tensor(asked.variances, dtype=torch.float64), list[Row]()
    for of, each in (("as given", variances), ("all equal", variances.mean().expand_as(variances))):
        closed = excess_loss(each, asked.price)
        found = excess_loss_simulated(each, asked.price, samples=asked.samples, seed=seed)
        rows.append(_row(1, f"excess loss, variances {of}", None, closed, found, closed))
    return rows


def _solution(asked: Gaussians, eps: float, seed: int) -> list[Row]:
    """Theorems 2 and 3, and the rule, of the robust solution for `eps`."""
    mean, variances = (torch.tensor(values, dtype=torch.float64) for values in (asked.mean, asked.variances))
    solution = robust_variances(variances, eps)
    fit = robust_fit(mean + _draw(variances, asked.samples, seed), eps)
    rows = []
    for place, (variance, value) in enumerate(zip(asked.variances, solution.tolist(), strict=True)):
        error = value * math.sqrt(2 / asked.samples)  # at most: S_r grows more slowly than s does
        found = Estimate(float(fit.covariance[place, place]), error)
        rows.append(_row(2, f"variance {place + 1}", eps, value, found, value))
        found = Estimate(float(fit.mean[place]), math.sqrt(variance / asked.samples))
        centre, scale = asked.mean[place], max(math.sqrt(variance), abs(asked.mean[place]))
        rows.append(_row(2, f"mean {place + 1}", eps, centre, found, scale))
    rows = [{**row, "converged": fit.converged} for row in rows]
    least = Estimate(least_alignment_found(solution, seed=seed), 0)
    rows.append(_row(3, "least cosine", eps, least_alignment(solution), least))
    own = Estimate(float(alignment(fit.mean, fit.covariance.diagonal())), 0)
    rows.append(_row(3, "cosine of this mean", eps, float(alignment(mean, solution)), own))
    for moved in asked.eps:
        simulated = rule_accuracy_simulated(mean, variances, mean / solution, moved, samples=asked.samples, seed=seed)
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
