r"""Few changed components: sigma-zero (Cina 2024, arXiv:2402.01879) with targets and groups, then swaps and pruning.

With m the lead that is left to make up, and d_i the norm of the change of group i of n, a component or a pixel,

    f(d) = max(m(x + d), 0) + (1 / n) sum_i d_i^2 / (d_i^2 + sigma)        the sum nears ||d||_0
    d <- clip(d - rate Adam(grad f / ||grad f||_inf)),        then d_i = 0 where max |d_i| < tau

tau rises by pace * rate where the attack has won and falls where it has not; the rate falls from 1 to 0.1 along a
cosine. The sparsest d that won is kept.

What is not in the source: from there groups are swapped. One is put back, and the others go to the walls that the
gradient of m points at; where that is lost, the group of largest gain by the gradient there comes in. What wins with
fewer groups is taken, and so is what wins by more with as many. At the end groups are put back one at a time, the one
that was changed least first, where it then still wins.
"""

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from featsplit.attacks.gradients import gradient
from featsplit.attacks.groups import Kept, Task, prune_groups, swap
from featsplit.attacks.nearest import Nearest, nearest
from featsplit.attacks.objectives import Network
from featsplit.errors import FeatsplitError, check_count, check_positive, unknown
from featsplit.geometry import column

Count = Literal["l0", "l0-pixels"]


def sparse(
    network: Network,
    inputs: Tensor,
    labels: Tensor,
    *,
    norm: Count = "l0",
    steps: int = 300,
    swapping: float = 0.35,
    prune: bool = True,
    sigma: float = 1e-3,
    threshold: float = 0.3,
    pace: float = 0.01,
    targeted: bool = False,
) -> Nearest:
    """The inputs with the fewest changed components or pixels that were found (arXiv:2402.01879, and swaps).

    Returns a `Nearest` in `norm`. `steps` forward and backward passes, and for pruning one forward pass a group, are
    what it costs at most: an image that is won by one group leaves the batch.

    - network: any map from inputs to logits (N, K), in eval mode.
    - inputs: (N, C, H, W) in [0, 1].
    - labels: (N,) int64, the labels to leave; when `targeted` those to reach.
    - norm: "l0" counts components, as the source does, "l0-pixels" a pixel of C channels once.
    - steps: how many forward and backward passes. The source takes 1000, without swaps.
    - swapping: the share of the steps that swap, two for each swap; 0 is sigma-zero alone.
    - prune: whether groups are put back at the end where it still wins without; `steps` of them are tried at most.
    - sigma: how closely the sum is the number of groups.
    - threshold, pace: tau at the start, and by how much it changes in a step of rate 1.
    - targeted: whether `labels` are to be reached; the source's is untargeted only.

    Raises FeatsplitError where an argument is out of its range.
    """
    _check(norm, steps, swapping, sigma)
    task = Task(network, _groups(inputs.detach(), norm), labels, inputs.shape[1:], -1 if targeted else 1)
    swaps = int(swapping * (steps - 1) / 2)
    kept = Kept(task)
    _sigma_zero(task, kept, steps - 2 * swaps - (swaps > 0), sigma=sigma, threshold=threshold, pace=pace)
    if swaps:
        swap(task, kept, swaps)
    if prune:
        prune_groups(task, kept, steps)
    found = task.images(kept.points)
    return nearest(network, inputs, labels, found, norm=norm, targeted=targeted, calls=kept.calls)


def _check(norm: str, steps: int, swapping: float, sigma: float) -> None:
    if norm not in ("l0", "l0-pixels"):
        raise unknown("sparse.norm", norm, ("l0", "l0-pixels"))
    check_count("sparse.steps", steps)
    check_positive("sparse.sigma", sigma)
    if not 0 <= swapping < 1:
        raise FeatsplitError(f"sparse.swapping = {swapping:g}: must be a share of the steps, from 0 to below 1")


def _groups(images: Tensor, norm: Count) -> Tensor:
    """(N, C, H, W) as (N, groups, channels of a group)."""
    return images.flatten(1)[:, :, None] if norm == "l0" else images.flatten(2).transpose(1, 2)


class _Descent(NamedTuple):
    """Where sigma-zero is: points, the two averages of Adam, and tau."""

    points: Tensor
    first: Tensor
    second: Tensor
    tau: Tensor


def _sigma_zero(task: Task, kept: Kept, steps: int, *, sigma: float, threshold: float, pace: float) -> None:
    """Descend the source's objective for `steps` steps; what is sparser and won is kept."""
    zero, rows = torch.zeros_like(task.origin), kept.improvable()
    state = _Descent(task.origin.clone(), zero, zero, zero[:, 0, 0] + threshold)
    rate = 1.0
    for step in range(steps):
        if not len(rows):
            break
        lead, slope = _smooth(task, state.points, rows, sigma)
        kept.calls[rows] += 1
        size = task.changed(state.points, rows).sum(dim=1)
        better = (lead < 0) & (size < kept.size[rows])
        kept.take(rows[better], state.points[better], size[better])
        origin = task.origin[rows]
        moved, state = _adam(state, slope, rate, step)
        rate = 0.1 + 0.9 * (1 + math.cos(math.pi * step / steps)) / 2
        tau = (state.tau + pace * rate * torch.where(lead < 0, 1.0, -1.0)).clamp(0, 1)
        moved = moved.clamp(0, 1)
        large = (moved - origin).abs().amax(dim=2, keepdim=True) >= tau[:, None, None]
        state = state._replace(points=torch.where(large, moved, origin), tau=tau)
        going = kept.size[rows] > 1
        if not going.all():
            rows, state = rows[going], _Descent(*(values[going] for values in state))


def _smooth(task: Task, points: Tensor, rows: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """The lead, and the gradient of the source's objective, its largest entry 1."""
    free = points.detach().requires_grad_(True)
    with torch.enable_grad():
        lead = task.lead(free, rows)
        square = (free - task.origin[rows]).square().sum(dim=2)
        loss = lead.clamp_min(0) + (square / (square + sigma)).mean(dim=1)
    slope = gradient(loss, free)
    largest = slope.flatten(1).abs().amax(dim=1).clamp_min(torch.finfo(slope.dtype).tiny)
    return lead.detach(), slope / column(largest, slope)


def _adam(state: _Descent, slope: Tensor, rate: float, step: int) -> tuple[Tensor, _Descent]:
    """Where Adam goes (0.9, 0.999), and its averages."""
    first = 0.9 * state.first + 0.1 * slope
    second = 0.999 * state.second + 0.001 * slope.square()
    spread = (second / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8
    return state.points - rate * first / (1 - 0.9 ** (step + 1)) / spread, state._replace(first=first, second=second)
