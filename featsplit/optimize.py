r"""THE loop: projected first-order descent on a batch of images, each image by itself.

PGD, the inner step of adversarial training and representation matching are all

    x <- P(x + move(x, grad f(x)))            (arXiv:1706.06083 eq. 1; arXiv:1905.02175 eq. 6 and 7)

with another objective f, projection P and step rule (`rules`). `minimize` always minimises: whether an attack is
targeted is a sign inside its objective. The objective of a batch is the sum over its images, so no image feels its
neighbours: one that has arrived leaves, and the batch shrinks.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from featsplit.rules import StepRule, begin

DRAFT = 0.8
"""The share of a descent's steps that the stages let be rough."""

FULL = 0.75
"""A batch of which at most this share still moves is thinned: not at once, since a network is fastest on few sizes."""


class Evaluation(NamedTuple):
    """What an objective says of a batch, each (N,): the `loss` to descend, the `score` that ranks iterates.

    `arrived`, where the objective has an end, says which images need not move on.
    """

    loss: Tensor
    score: Tensor
    arrived: Tensor | None = None


class Found(NamedTuple):
    """Where each image came to, (N, ...), and how often the network was `run` on it, (N,) int64."""

    inputs: Tensor
    runs: Tensor


Objective = Callable[[Tensor, Tensor], Evaluation]
"""Called with inputs (n, ...) and their `rows` (n,), which of the N images of the start these are."""

Projection = Callable[[Tensor, Tensor], Tensor]
"""Called in the same way; returns the nearest allowed inputs."""

_drafting: ContextVar[bool] = ContextVar("drafting", default=False)


def drafting() -> bool:
    """Whether `minimize` is in its draft: a network prepared for that may then compute in lower precision."""
    return _drafting.get()


@contextmanager
def _draft(on: bool) -> Iterator[None]:
    token = _drafting.set(on)
    try:
        yield
    finally:
        _drafting.reset(token)


def minimize(
    objective: Objective,
    start: Tensor,
    *,
    steps: int,
    rule: StepRule,
    project: Projection,
    keep: Literal["last", "best"] = "last",
    draft: float = 0.0,
) -> Found:
    """Descend `objective` from `start` (N, ...) for at most `steps` steps of `rule`, projecting each iterate.

    `last` returns the end. `best` scores all `steps` + 1 iterates, start and end too, and returns for each image the
    first one with the least score. An image that has arrived stays where it was when it did. The first share `draft`
    of the steps may be rough (see `drafting`): what they say of an image's arrival, and the score of their best
    iterate, is checked in full. Costs `steps` forward and backward passes, and one forward pass more for `best`.
    """
    standing = _Standing(project(start.detach(), torch.arange(len(start), device=start.device)))
    move, drafted = begin(rule, start.shape[1:], steps), int(draft * steps)
    for step in range(steps):
        with _draft(step < drafted):
            evaluation, gradient = standing.with_gradient(objective)
        if keep == "best":
            if step == drafted > 0:
                standing.score_again(objective)
            standing.rank(evaluation.score)
        if evaluation.arrived is not None:
            standing.settle(objective, evaluation.arrived, rough=step < drafted)
            left = standing.thinned()
            if left is not None:
                if not len(left):
                    break
                move.take(left)
                gradient, evaluation = gradient[left], Evaluation(evaluation.loss[left], evaluation.score[left])
        inputs = standing.inputs
        standing.inputs = project(inputs + move(inputs, gradient, evaluation.loss, step), standing.rows)
    if keep == "best" and 0 < drafted == steps:
        standing.score_again(objective)
    return standing.end(objective if keep == "best" else None)


class _Standing:
    """The images that still move, `rows` of the N at the start; and where the others came to."""

    def __init__(self, inputs: Tensor) -> None:
        self.inputs, self.found = inputs, inputs.clone()
        self.rows = torch.arange(len(inputs), device=inputs.device)
        self.runs = torch.zeros_like(self.rows)
        self.going = torch.ones_like(self.rows, dtype=torch.bool)
        self.best: tuple[Tensor, Tensor] | None = None

    def with_gradient(self, objective: Objective) -> tuple[Evaluation, Tensor]:
        """What `objective` says here, and the gradient of its loss."""
        inputs = self.inputs.detach().requires_grad_(True)
        with torch.enable_grad():
            evaluation = objective(inputs, self.rows)
            (gradient,) = torch.autograd.grad(evaluation.loss.sum(), inputs)
        self.runs[self.rows] += 1
        return Evaluation(evaluation.loss.detach(), evaluation.score.detach(), evaluation.arrived), gradient

    def without_gradient(self, objective: Objective, inputs: Tensor, places: Tensor) -> Evaluation:
        """What `objective` says, in full precision, of `inputs` in the place of those at `places`."""
        rows = self.rows[places]
        self.runs[rows] += 1
        with torch.no_grad():
            return objective(inputs, rows)

    def rank(self, score: Tensor) -> None:
        """Keep the better of the best iterate so far and this one, for each image."""
        if self.best is None:
            self.best = (self.inputs, score)
            return
        wins = (score < self.best[1]) | self.best[1].isnan()
        chosen = torch.where(wins.reshape(-1, *([1] * (self.inputs.ndim - 1))), self.inputs, self.best[0])
        self.best = (chosen, torch.where(wins, score, self.best[1]))

    def score_again(self, objective: Objective) -> None:
        """Give the best iterate of the draft its score in full precision."""
        if self.best is not None and len(self.rows):
            every = torch.arange(len(self.rows), device=self.rows.device)
            self.best = (self.best[0], self.without_gradient(objective, self.best[0], every).score)

    def settle(self, objective: Objective, arrived: Tensor, *, rough: bool) -> None:
        """Leave the images that have `arrived` where they are; what a `rough` evaluation says is checked first."""
        places = (arrived & self.going).nonzero()[:, 0]
        if rough and len(places):
            checked = self.without_gradient(objective, self.inputs[places], places).arrived
            places = places if checked is None else places[checked]
        self.found[self.rows[places]] = self.inputs[places]
        self.going[places] = False

    def thinned(self) -> Tensor | None:
        """Take out those that have arrived, where it pays; the places that were left, or None where all stay."""
        left = self.going.nonzero()[:, 0]
        if len(left) > FULL * len(self.going):
            return None
        self.inputs, self.rows, self.going = self.inputs[left], self.rows[left], self.going[left]
        if self.best is not None:
            self.best = (self.best[0][left], self.best[1][left])
        return left

    def end(self, objective: Objective | None) -> Found:
        """The end of each image that never arrived: its last iterate, or its best by `objective`."""
        inputs = self.inputs
        if objective is not None and len(self.rows):
            every = torch.arange(len(self.rows), device=self.rows.device)
            self.rank(self.without_gradient(objective, inputs, every).score)
            assert self.best is not None
            inputs = self.best[0]
        self.found[self.rows[self.going]] = inputs[self.going]
        return Found(self.found, self.runs)
