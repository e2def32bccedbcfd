"""Points of which few groups of components are changed: what is kept of them, and how they are swapped and put back.

A point is (n, groups, channels of a group), so that one code serves components and pixels.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from featsplit.attacks.gradients import gradient
from featsplit.attacks.objectives import Network, margin, slack


class Task(NamedTuple):
    """What is to be won: the lead of the label, or what the target lacks, for points (n, groups, channels)."""

    network: Network
    origin: Tensor
    labels: Tensor
    shape: torch.Size
    sign: int

    def images(self, points: Tensor) -> Tensor:
        return points.transpose(1, 2).reshape(-1, *self.shape)

    def lead(self, points: Tensor, rows: Tensor) -> Tensor:
        """Below 0 where it is won, (n,)."""
        logits = self.network(self.images(points)).float()
        return self.sign * margin(logits, self.labels[rows]) + slack(logits)

    def slope(self, points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The lead and its gradient."""
        free = points.detach().requires_grad_(True)
        with torch.enable_grad():
            lead = self.lead(free, rows)
        return lead.detach(), gradient(lead, free)

    def changed(self, points: Tensor, rows: Tensor) -> Tensor:
        """Which groups differ from the image, (n, groups)."""
        return (points != self.origin[rows]).any(dim=2)


class Kept:
    """The sparsest point of each image that won so far, its size (infinity: none), and the calls."""

    def __init__(self, task: Task) -> None:
        self.points = task.origin.clone()
        self.size = torch.full((len(self.points),), torch.inf, device=self.points.device)
        self.calls = torch.zeros_like(task.labels)

    def take(self, rows: Tensor, points: Tensor, size: Tensor) -> None:
        """Let `points` of `rows` be the kept ones."""
        self.points[rows], self.size[rows] = points, size.to(self.size.dtype)

    def improvable(self) -> Tensor:
        """The rows that another search may make sparser."""
        return (self.size > 1).nonzero()[:, 0]


class _Swaps:
    """Swaps from what is kept: its lead and gradient, and how many swaps in a row were not taken."""

    def __init__(self, task: Task, kept: Kept) -> None:
        self.task, self.kept = task, kept
        self.lead, self.slope = torch.zeros_like(kept.size), torch.zeros_like(kept.points)
        self.turn = torch.zeros_like(task.labels)

    def attempt(self, rows: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Take `points` where they win with fewer groups, or by more with as many; which were, and the gradient."""
        lead, slope = self.task.slope(points, rows)
        self.kept.calls[rows] += 1
        size, before = self.task.changed(points, rows).sum(dim=1), self.kept.size[rows]
        taken = (lead < 0) & ((size < before) | ((size == before) & (lead < self.lead[rows])))
        chosen = rows[taken]
        self.kept.take(chosen, points[taken], size[taken])
        self.lead[chosen], self.slope[chosen], self.turn[chosen] = lead[taken], slope[taken], 0
        return taken, slope

    def put_back(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """What is kept without the group that matters least, or `turn` places after it, and the others at walls."""
        origin, points, slope = self.task.origin[rows], self.kept.points[rows], self.slope[rows]
        inside = self.task.changed(points, rows)
        harm = (slope * (points - origin)).sum(dim=2).where(inside, -torch.inf)
        out = _ranked(harm, self.turn[rows] % inside.sum(dim=1))
        return torch.where((inside & ~out)[:, :, None], _walls(points, slope), origin), out

    def take_in(self, rows: Tensor, points: Tensor, slope: Tensor, out: Tensor) -> Tensor:
        """`points` and the group of largest gain at its walls, or one after it once all others have been put back."""
        origin, walls = self.task.origin[rows], _walls(points, slope)
        inside = self.task.changed(points, rows)
        gain = (slope * (origin - walls)).sum(dim=2).where(~inside & ~out, -torch.inf)
        place = self.turn[rows] // self.task.changed(self.kept.points[rows], rows).sum(dim=1)
        return torch.where(_ranked(gain, place)[:, :, None], walls, points)


def swap(task: Task, kept: Kept, swaps: int) -> None:
    """Put a group back, and where that is lost take another in, `swaps` times."""
    rows, search = kept.improvable(), _Swaps(task, kept)
    search.attempt(rows := rows[kept.size[rows].isfinite()], kept.points[rows])
    for _ in range(swaps):
        rows = rows[kept.size[rows] > 1]
        if not len(rows):
            break
        fewer, out = search.put_back(rows)
        taken, slope = search.attempt(rows, fewer)
        lost = ~taken
        if lost.any():
            swapped = search.take_in(rows[lost], fewer[lost], slope[lost], out[lost])
            taken[lost], _ = search.attempt(rows[lost], swapped)
        search.turn[rows[~taken]] += 1


def _ranked(values: Tensor, place: Tensor) -> Tensor:
    """Where the value of rank `place` (n,), from the largest, is in each row of `values` (n, groups): a mask."""
    order = values.argsort(dim=1, descending=True, stable=True)
    chosen = order.gather(1, place.clamp_max(values.shape[1] - 1)[:, None])
    return torch.zeros_like(values, dtype=torch.bool).scatter(1, chosen, True)


def _walls(points: Tensor, slope: Tensor) -> Tensor:
    """Where going down leads: 0, 1, or nowhere without a slope."""
    return torch.where(slope == 0, points, (slope < 0).to(points.dtype))


def prune_groups(task: Task, kept: Kept, most: int) -> None:
    """Put groups back one at a time, the one that was changed least first, where it still wins; `most` are tried."""
    change = (kept.points - task.origin).abs().amax(dim=2)
    order = change.where(change > 0, torch.inf).argsort(dim=1, stable=True)
    rows = kept.improvable()
    rows = rows[kept.size[rows].isfinite()]
    count = kept.size.where(kept.size.isfinite(), 0)
    for turn in range(most):
        rows = rows[(kept.size[rows] > 1) & (count[rows] > turn)]
        if not len(rows):
            break
        fewer, place = kept.points[rows], order[rows, turn]
        fewer[torch.arange(len(rows), device=rows.device), place] = task.origin[rows, place]
        with torch.no_grad():
            won = task.lead(fewer, rows) < 0
        kept.calls[rows] += 1
        kept.take(rows[won], fewer[won], kept.size[rows[won]] - 1)
