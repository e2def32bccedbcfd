"""Exact projections, each image by itself: into a ball of its radius, and onto a linear face inside the box."""

from typing import Literal

import torch
from torch import Tensor

from featsplit.geometry import column, lengths


def into_ball(delta: Tensor, radius: Tensor, norm: Literal["l1", "l2", "linf"]) -> Tensor:
    """The nearest point, in l2, to each `delta` (N, ...) in the ball of its `radius` (N,) in `norm` around zero.

    In l1 all entries lose the same amount, down to 0 (Duchi et al. 2008, ICML, figure 1).
    """
    reach = column(radius, delta)
    if norm == "linf":
        return torch.minimum(torch.maximum(delta, -reach), reach)
    if norm == "l2":
        length = column(lengths(delta, "l2"), delta)
        return delta * torch.where(length > reach, reach / length, 1.0)
    sizes = delta.flatten(1).abs()
    ordered = sizes.sort(dim=1, descending=True).values
    over = ordered.cumsum(dim=1) - radius[:, None]
    kept = (ordered * torch.arange(1, sizes.shape[1] + 1, device=delta.device) > over).sum(dim=1).clamp_min(1)
    lost = (over.gather(1, kept[:, None] - 1)[:, 0] / kept).clamp_min(0)
    lost = torch.where(sizes.sum(dim=1) > radius, lost, 0.0).reshape(reach.shape)
    return delta.sign() * (delta.abs() - lost).clamp_min(0)


def onto_face(inputs: Tensor, gradient: Tensor, fall: Tensor, norm: Literal["l1", "l2", "linf"]) -> Tensor:
    """The least delta (N, ...) in `norm` with inputs + delta in [0, 1] and -gradient . delta = `fall` (N,), at least 0.

    Where none makes that up, the one that comes nearest. l2 and linf move all entries along |g|, or alike, until each
    meets its wall; l1 moves those of largest |g| first, each to its wall.
    """
    weight, room = gradient.flatten(1).abs(), torch.where(gradient > 0, inputs, 1 - inputs).flatten(1)
    wanted = fall.clamp_min(0)[:, None]
    if norm == "l1":
        order = weight.argsort(dim=1, descending=True)
        heavy, wide = weight.gather(1, order), room.gather(1, order)
        before = (heavy * wide).cumsum(dim=1) - heavy * wide
        taken = torch.minimum((wanted - before).clamp_min(0) / heavy.clamp_min(1e-30), wide)
        sizes = torch.zeros_like(weight).scatter(1, order, taken)
    else:
        speed = weight if norm == "l2" else torch.ones_like(weight)
        met = room / speed.clamp_min(1e-30)
        order = met.argsort(dim=1)
        times, gains = met.gather(1, order), (weight * room).gather(1, order)
        filled = gains.cumsum(dim=1) - gains
        slope = (weight * speed).gather(1, order).flip(1).cumsum(dim=1).flip(1)
        last = (filled + times * slope < wanted).sum(dim=1, keepdim=True).clamp_max(times.shape[1] - 1)
        time = (wanted - filled.gather(1, last)) / slope.gather(1, last).clamp_min(1e-30)
        sizes = torch.minimum(time.clamp_min(0) * speed, room)
    return -gradient.sign() * sizes.reshape(gradient.shape)
