r"""Theorem 2 by adversarial training, which knows the loss and the adversary and nothing else.

    min over mu, S of max over delta of  E (z + delta - mu)' S^-1 (z + delta - mu) + log det S,   E ||delta||^2 = eps^2

z = y x are the examples, all turned to class 1. The loss of an example is a quadratic, so an ascent that starts at
delta = 0 moves it by a linear function of its place, delta = A (z - mu): the adversary searches over the matrix A, and
of the examples only their mean and covariance are needed. Both the adversary's ascent and the descent are L-BFGS.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

ASCENTS, DESCENTS, CONVERGED = 200, 300, 1e-4
"""The most steps of the adversary for one (mu, S), and of the descent; the gradient at which that has converged."""


class Fit(NamedTuple):
    """The solution: its `mean` (d,) and `covariance` (d, d), and whether the descent has `converged` there."""

    mean: Tensor
    covariance: Tensor
    converged: bool


def robust_fit(examples: Tensor, eps: float) -> Fit:
    """The Gaussian that suits `examples` (N, d) best where the adversary moves them within `eps`.

    It starts at the standard solution, their mean and covariance, with the mean one standard deviation beside it so
    that it has to be found, and goes to eps by way of a tenth of it. Lengths are measured in the solution before, so
    neither the place nor the unit of the data matters.
    """
    centre, spread = examples.mean(dim=0), torch.cov(examples.T, correction=0)
    factor = torch.linalg.cholesky(spread)
    mean, steepest = centre + factor.sum(dim=1), 0.0
    for budget in (eps / 10, eps) if eps else (0.0,):
        mean, factor, steepest = _descend(centre, spread, budget, mean, factor)
    return Fit(mean, factor @ factor.T, steepest <= CONVERGED)


def _descend(centre: Tensor, spread: Tensor, eps: float, mean: Tensor, factor: Tensor) -> tuple[Tensor, Tensor, float]:
    """The mean and the Cholesky factor of S to which descent comes from these, and the largest gradient there."""
    shift = torch.zeros_like(centre, requires_grad=True)
    change = torch.zeros_like(spread, requires_grad=True)
    moves: list[Tensor] = []  # the adversary's last A, from which he goes on

    def current() -> tuple[Tensor, Tensor]:
        return mean + factor @ shift, factor @ (change.tril(-1) + change.diagonal().exp().diag())

    def loss() -> Tensor:
        now, lower = current()
        with torch.no_grad():
            apart = centre - now
            moves[:] = [_attack(lower, spread + apart.outer(apart), eps, *moves)]
            stretch = torch.eye(len(centre), dtype=centre.dtype) + moves[0]
            moved_centre, moved_spread = now + stretch @ apart, stretch @ spread @ stretch.T
        beside = moved_centre - now
        second = moved_spread + beside.outer(beside)
        value: Tensor = torch.cholesky_solve(second, lower).trace() + 2 * lower.diagonal().log().sum()
        return value

    steepest = _minimise([shift, change], loss, most=DESCENTS)
    now, lower = (tensor.detach() for tensor in current())
    return now, lower, steepest


def _attack(lower: Tensor, second: Tensor, eps: float, start: Tensor | None = None) -> Tensor:
    """The adversary's A (d, d) for S = `lower` `lower`', where E (z - mu)(z - mu)' = `second`; from the A before.

    The search is over B, and A is the multiple of B that spends the budget, tr(A `second` A') = eps^2.
    """
    if not eps:
        return torch.zeros_like(second)
    root, precision = torch.linalg.cholesky(second), torch.cholesky_inverse(lower)
    first = (precision if start is None else start) @ root
    free = (first / first.norm()).requires_grad_()
    scale = (root.square().sum() + eps**2) * torch.linalg.matrix_norm(precision, 2)

    def loss() -> Tensor:
        moved = root + eps * free / free.norm()
        gain: Tensor = (moved * (precision @ moved)).sum() / scale
        return -gain

    with torch.enable_grad():
        _minimise([free], loss, most=ASCENTS)
    spent = (eps * free / free.norm()).detach()
    moves: Tensor = torch.linalg.solve_triangular(root, spent, upper=False, left=False)
    return moves


def _minimise(free: list[Tensor], loss: Callable[[], Tensor], *, most: int) -> float:
    """Move `free` to where `loss` is least, by L-BFGS; the largest entry of its gradient there."""
    optimiser: Optimizer = torch.optim.LBFGS(
        free, max_iter=most, history_size=100, tolerance_grad=1e-9, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure() -> float:
        optimiser.zero_grad()
        value = loss()
        torch.autograd.backward(value)
        return value.item()

    optimiser.step(closure)
    return max(float(tensor.grad.abs().max()) for tensor in free if tensor.grad is not None)
