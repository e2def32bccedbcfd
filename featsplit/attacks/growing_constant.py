r"""Runs of Adam, one after the other, that each end with the first iterate that wins (arXiv:1608.04644, VI.B and VI.C).

    minimise over w   D(x' - x) + c f(x'),      x' = (tanh(w) + 1) / 2,      f = max(lead - (Z_g - Z_r), 0)

A run that has not won after all its steps doubles c and goes on from where it is. c is kept for the next run, which
starts where this one has won; what that is restricted to is up to the attack.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from featsplit.attacks.carlini_wagner import Adam, Rows, led, onto_line, stalled
from featsplit.attacks.objectives import Network, slack
from featsplit.errors import check_count, check_positive
from featsplit.geometry import column

NEARLY = 1e-4
"""What may be left of f where the attack has won, as in the authors' code."""


@dataclass(frozen=True)
class Runs(Rows):
    """The images that still run, each at its own `count` of steps with its own c, `constant`; `point` is w."""

    rows: Tensor
    inputs: Tensor
    labels: Tensor
    point: Tensor
    adam: Adam
    count: Tensor
    previous: Tensor
    constant: Tensor

    def descend(self, gradient: Tensor, loss: Tensor, won: Tensor, schedule: "Schedule") -> None:
        """One step along the `gradient` (n, ...) to x' of the `loss` (n,).

        Those that have `won` (n,) bool stay where they are, and begin their next run.
        """
        slope = (1 - self.point.tanh().square()) / 2
        move = self.adam.move(gradient * slope, schedule.step_size)
        ended = stalled(loss, self.previous, self.count, steps=schedule.steps) & schedule.early_stop
        self.point.add_(torch.where(column(won, move), 0.0, move))
        self.count.add_(1)
        ended |= self.count >= schedule.steps
        if not (ended | won).any():
            return
        self.constant[ended & ~won] *= 2
        self.adam.reset(won)
        self.count[ended | won], self.previous[ended | won] = 0, torch.inf


class Schedule(NamedTuple):
    """How runs go: `constant` is the first c, and an image is given up where c exceeds `largest`."""

    steps: int
    step_size: float
    constant: float
    largest: float
    early_stop: bool

    def check(self, place: str) -> None:
        """Raise FeatsplitError at `place` where a number is out of its range."""
        check_count(f"{place}.steps", self.steps)
        for name, size in (("step_size", self.step_size), ("constant", self.constant), ("largest", self.largest)):
            check_positive(f"{place}.{name}", size)

    def begin(self, rows: Tensor, inputs: Tensor, labels: Tensor) -> Runs:
        """The first run of each image."""
        point, count = onto_line(inputs), torch.zeros_like(rows)
        previous = torch.full((len(rows),), torch.inf, device=rows.device)
        constant = torch.full_like(previous, self.constant)
        return Runs(rows, inputs, labels, point, Adam.at(point), count, previous, constant)


class Lead(NamedTuple):
    """How f stands: its value (n,), its `gradient` to the images where it is not 0, and whether the attack has won.

    `steepest` is the gradient of Z_r - Z_g itself, which is not 0 where f is.
    """

    value: Tensor
    gradient: Tensor
    steepest: Tensor
    won: Tensor


def lead_of(network: Network, images: Tensor, labels: Tensor, *, targeted: bool, lead: float) -> Lead:
    """How f stands at `images` (n, ...) for one forward and backward pass.

    `lead` is asked for beyond what float32 may round.
    """
    images = images.detach().requires_grad_(True)
    with torch.enable_grad():
        logits = network(images).float()
        ahead = led(logits, labels, targeted=targeted)
        (gradient,) = torch.autograd.grad(-ahead.sum(), images)
    rounding, ahead = slack(logits), ahead.detach()
    value = torch.relu(lead + 2 * rounding - ahead)
    active = torch.where(column(value > 0, gradient), gradient, 0.0)
    return Lead(value, active, gradient, (value < NEARLY) & (ahead > rounding))
