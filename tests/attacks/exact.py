"""Exact distances: the nearest adversarial input of a linear network in [0, 1], in every norm, and that of a circle.

For logits W x + b and a target t: w = W_t - W_y and the gap (Z_y - Z_t)(x) that has to be made up. l2 and linf move
along w and sign(w), cut at the walls, by an s that is bisected; l0 takes the components of largest gain first, l1 those
of largest weight, each as far as its wall.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from featsplit.attacks import Network
from featsplit.geometry import Distance

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Linear:
    """The network with logits `weights` (K, d) x + `biases` (K,)."""

    weights: Tensor
    biases: Tensor

    def network(self) -> Network:
        """It as a callable on (N, C, H, W)."""
        return lambda inputs: inputs.flatten(1) @ self.weights.T + self.biases

    def distance(self, image: Tensor, label: int, norm: Distance, target: int | None = None) -> float:
        """How far `image` (C, H, W) is from the nearest input that is predicted as `target`, or not as `label`."""
        x, weights = image.flatten().double().numpy(), self.weights.double().numpy()
        biases, others = self.biases.double().numpy(), range(len(weights)) if target is None else [target]
        if norm == "l0-pixels":
            raise NotImplementedError
        ways = [other for other in others if other != label]
        return min(_to(x, weights - weights[label], biases - biases[label], other, norm) for other in ways)


def _to(x: Array, weights: Array, biases: Array, other: int, norm: Distance) -> float:
    """The distance to where class `other` is not below the label; exact where no third class is in the way."""
    w, gap = weights[other], -float(weights[other] @ x + biases[other])
    if gap <= 0:
        return 0.0
    room = np.where(w > 0, 1 - x, x)
    if float(np.abs(w) @ room) < gap:
        return math.inf
    if norm in ("l2", "linf"):
        return _along(w, room, gap, norm)
    order = np.argsort(-(np.abs(w) * room) if norm == "l0" else -np.abs(w))
    gains = (np.abs(w) * room)[order]
    count = int(np.searchsorted(np.cumsum(gains), gap * (1 - 1e-12))) + 1
    if norm == "l0":
        return float(count)
    last = order[count - 1]
    return float(room[order[: count - 1]].sum() + (gap - gains[: count - 1].sum()) / abs(w[last]))


def _along(w: Array, room: Array, gap: float, norm: Distance) -> float:
    """The least s |w| (l2) or s (linf), cut at the walls, that makes the gap up, by bisection; its norm."""
    way = np.abs(w) if norm == "l2" else (w != 0).astype(float)
    low, high = 0.0, 1.0
    while float(np.abs(w) @ np.minimum(high * way, room)) < gap:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if float(np.abs(w) @ np.minimum(middle * way, room)) >= gap else (middle, high)
    step = np.minimum(high * way, room)
    return float(np.linalg.norm(step)) if norm == "l2" else float(step.max())
