r"""What the three attacks of Carlini and Wagner 2017 (arXiv:1608.04644) share.

The change of variables x' = (tanh(w) + 1) / 2 that keeps x' in the box (section V.B), Adam on w with a state for each
image, and the rule for an early stop. Each image is at its own step of its own search, and leaves when it is done.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from torch import Tensor

from featsplit.attacks.nearest import adversarial
from featsplit.attacks.objectives import Network, margin, slack
from featsplit.geometry import column

INSIDE = 0.999999
"""How far an image is drawn into the box before atanh: a black pixel would lie at minus infinity, and never move."""

IMPROVED = 1e-4
"""The share of the loss that a tenth of the steps has to take off."""


def onto_line(images: Tensor) -> Tensor:
    """The w of each pixel in [0, 1], w = atanh((2 x - 1) .999999)."""
    return torch.atanh((2 * images - 1) * INSIDE)


def into_box(point: Tensor) -> Tensor:
    """The pixels x = (tanh(w) + 1) / 2."""
    return (point.tanh() + 1) / 2


def attacked(network: Network, inputs: Tensor, labels: Tensor, *, targeted: bool, confidence: float = 0.0) -> Tensor:
    """The places of the images that there is anything to search for, for one run of the network.

    They are sound, and so are their logits, and they are not adversarial as they are.
    """
    with torch.no_grad():
        logits = network(inputs)
        sound = inputs.flatten(1).isfinite().all(dim=1) & logits.isfinite().all(dim=1)
        won = adversarial(lambda _: logits, inputs, labels, targeted=targeted, confidence=confidence)
    return (sound & ~won).nonzero()[:, 0]


def led(logits: Tensor, labels: Tensor, *, targeted: bool) -> Tensor:
    """By how much a wrong class, or the target, leads, (n,); adversarial where above 0."""
    return margin(logits, labels) * (1 if targeted else -1)


def clearly(logits: Tensor, labels: Tensor, *, targeted: bool, confidence: float = 0.0) -> Tensor:
    """Whether the attack has won by `confidence` and by more than float32 may round."""
    return led(logits, labels, targeted=targeted) > confidence + slack(logits)


@dataclass(frozen=True)
class Rows:
    """A record of tensors, and of such records, each with a row for every image."""

    def __getitem__(self, places: Tensor) -> Self:
        """The rows at `places` alone."""
        return replace(self, **{field.name: getattr(self, field.name)[places] for field in fields(self)})


@dataclass(frozen=True)
class Adam(Rows):
    r"""Adam (arXiv:1412.6980, algorithm 1) with a state for each image, of which none knows the others.

    m <- .9 m + .1 g; v <- .999 v + .001 g^2; the move is -step_size (m / (1 - .9^t)) / (sqrt(v / (1 - .999^t)) + 1e-8).
    """

    mean: Tensor
    square: Tensor
    count: Tensor

    @classmethod
    def at(cls, points: Tensor) -> Self:
        """The state before the first step from `points` (n, ...)."""
        count = torch.zeros(len(points), dtype=torch.float64, device=points.device)
        return cls(torch.zeros_like(points), torch.zeros_like(points), count)

    def move(self, gradient: Tensor, step_size: float) -> Tensor:
        """The next move; the state goes on."""
        self.mean.mul_(0.9).add_(gradient, alpha=0.1)
        self.square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        self.count.add_(1)
        first, second = (column((1 - beta**self.count).float(), gradient) for beta in (0.9, 0.999))
        return -step_size * (self.mean / first) / ((self.square / second).sqrt() + 1e-8)

    def reset(self, which: Tensor) -> None:
        """Begin again for the images `which` (n,) bool."""
        for state in (self.mean, self.square, self.count):
            state[which] = 0


class Best:
    """The nearest input of each image that has won so far."""

    def __init__(self, inputs: Tensor) -> None:
        self.inputs = inputs.clone()
        self.distance = torch.full((len(inputs),), torch.inf, device=inputs.device)

    def keep(self, rows: Tensor, images: Tensor, distance: Tensor, won: Tensor) -> None:
        """Take those of `images`, at `rows` of all, that have `won` and are nearer than what there was."""
        nearer = (won & (distance < self.distance[rows])).nonzero()[:, 0]
        self.inputs[rows[nearer]], self.distance[rows[nearer]] = images[nearer], distance[nearer]


def stalled(loss: Tensor, previous: Tensor, count: Tensor, *, steps: int) -> Tensor:
    """Which images end early: every tenth of the `steps` the loss has to be below .9999 of what it was.

    `previous` (n,), infinity before the first, is set to `loss` (n,) where `count` (n,), the steps so far, says that it
    is time. A loss that is not a number ends too.
    """
    ended, time = ~loss.isfinite(), count % max(1, steps // 10) == 0
    if time.any():
        improved = previous - loss >= IMPROVED * previous.abs()
        ended |= time & ~improved
        previous[time] = loss[time]
    return ended


def with_gradient(loss: Callable[[Tensor], tuple[Tensor, ...]], point: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The gradient at `point` of the sum of the first tensor that `loss` returns, and all that it returns."""
    point = point.detach().requires_grad_(True)
    with torch.enable_grad():
        values = loss(point)
        (gradient,) = torch.autograd.grad(values[0].sum(), point)
    return gradient, tuple(value.detach() for value in values)
