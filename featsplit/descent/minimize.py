r"""THE loop: projected first-order descent on a batch of images, each image by itself.

PGD, the inner step of adversarial training and representation matching are all

    x <- P(x + move(x, grad f(x)))            (arXiv:1706.06083 eq. 1; arXiv:1905.02175 eq. 6 and 7)

with another objective f, projection P and step rule. `minimize` always minimises: whether an attack is
targeted is a sign inside its objective. The objective of a batch is the sum over its images, so no image feels its
neighbours: one that has converged leaves, and the batch shrinks.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from featsplit.descent.move import Move, begin
from featsplit.records.rules import StepRule

ROUGH = 0.8
"""The share of a descent's steps that the stages let be rough."""

FULL = 0.75
"""A batch of which at most this share still moves is thinned: not at once, since a network is fastest on few sizes."""


class Evaluation(NamedTuple):
    """What an objective says of a batch, each (N,): the `loss` to descend, the `score` that ranks iterates.

    `converged`, where the objective has an end, says which images need not move on.
    """

    loss: Tensor
    score: Tensor
    converged: Tensor | None = None


class Result(NamedTuple):
    """Where each image came to, (N, ...), and the `calls` of the network that it took, (N,) int64."""

    inputs: Tensor
    calls: Tensor


class Objective(Protocol):
    """What is descended."""

    def __call__(self, inputs: Tensor, rows: Tensor, /, *, rough: bool) -> Evaluation:
        """Of inputs (n, ...); `rows` (n,) says which of the N images of the start these are.

        Where `rough` is true it may be computed with less precision: a way down is asked for, and no number counts.
        """


Projection = Callable[[Tensor, Tensor], Tensor]
"""Called with inputs (n, ...) and their `rows` (n,); returns the nearest allowed inputs."""


def minimize(
    objective: Objective,
    start: Tensor,
    *,
    steps: int,
    rule: StepRule | Move,
    project: Projection,
    keep: Literal["last", "best"] = "last",
    rough: float = 0.0,
) -> Result:
    """Descend `objective` from `start` (N, ...) for at most `steps` steps of `rule`, projecting each iterate.

    `rule` is a record, or a `Move` that the caller has begun.

    `last` returns the end. `best` scores all `steps` + 1 iterates, start and end too, and returns for each image the
    first one with the least score. An image that has converged stays where it was when it did. In the first share
    `rough` of the steps the objective is told that it may be rough: what it then says of an image's convergence, and
    the score of their best iterate, is asked again in full. Costs `steps` forward and backward passes, and one forward
    pass more for `best`.
    """
    moving = _Moving(objective, project(start.detach(), torch.arange(len(start), device=start.device)))
    move = begin(rule, start.shape[1:], steps=steps) if isinstance(rule, StepRule) else rule
    rough_steps = int(rough * steps)
    for step in range(steps):
        evaluation, gradient = moving.with_gradient(rough=step < rough_steps)
        if keep == "best":
            if step == rough_steps > 0:
                moving.score_again()
            moving.rank(evaluation.score)
        if evaluation.converged is not None:
            moving.retire(evaluation.converged, rough=step < rough_steps)
            left = moving.thinned()
            if left is not None:
                if not len(left):
                    break
                move.take(left)
                gradient, evaluation = gradient[left], Evaluation(evaluation.loss[left], evaluation.score[left])
        inputs = moving.inputs
        moving.inputs = project(inputs + move(inputs, gradient, evaluation.loss, step), moving.rows)
    if keep == "best":
        if 0 < rough_steps == steps:
            moving.score_again()
        moving.rank_end()
    return moving.end(keep)


class _Moving:
    """The images that still move, `rows` of the N at the start; and where the others came to."""

    def __init__(self, objective: Objective, inputs: Tensor) -> None:
        self.objective = objective
        self.inputs, self.ends = inputs, inputs.clone()
        self.rows = torch.arange(len(inputs), device=inputs.device)
        self.calls = torch.zeros_like(self.rows)
        self.going = torch.ones_like(self.rows, dtype=torch.bool)
        self.best: tuple[Tensor, Tensor] | None = None

    def with_gradient(self, *, rough: bool) -> tuple[Evaluation, Tensor]:
        """What the objective says here, and the gradient of its loss."""
        inputs = self.inputs.detach().requires_grad_(True)
        with torch.enable_grad():
            evaluation = self.objective(inputs, self.rows, rough=rough)
            (gradient,) = torch.autograd.grad(evaluation.loss.sum(), inputs)
        self.calls[self.rows] += 1
        return Evaluation(evaluation.loss.detach(), evaluation.score.detach(), evaluation.converged), gradient

    def in_full(self, inputs: Tensor, places: Tensor) -> Evaluation:
        """What the objective says in full precision, without a gradient, of `inputs` in the place of those there."""
        rows = self.rows[places]
        self.calls[rows] += 1
        with torch.no_grad():
            return self.objective(inputs, rows, rough=False)

    def rank(self, score: Tensor) -> None:
        """Keep the better of the best iterate so far and this one, for each image."""
        if self.best is None:
            self.best = (self.inputs, score)
            return
        wins = (score < self.best[1]) | self.best[1].isnan()
        chosen = torch.where(wins.reshape(-1, *([1] * (self.inputs.ndim - 1))), self.inputs, self.best[0])
        self.best = (chosen, torch.where(wins, score, self.best[1]))

    def rank_end(self) -> None:
        """Score the last iterate too, and rank it."""
        if len(self.rows):
            self.rank(self.in_full(self.inputs, self._all()).score)

    def score_again(self) -> None:
        """Give the best of the rough iterates its score in full precision."""
        if self.best is not None and len(self.rows):
            self.best = (self.best[0], self.in_full(self.best[0], self._all()).score)

    def retire(self, converged: Tensor, *, rough: bool) -> None:
        """Leave the images that have `converged` where they are; what a `rough` evaluation says is checked first."""
        places = (converged & self.going).nonzero()[:, 0]
        if rough and len(places):
            checked = self.in_full(self.inputs[places], places).converged
            places = places if checked is None else places[checked]
        self.ends[self.rows[places]] = self.inputs[places]
        self.going[places] = False

    def thinned(self) -> Tensor | None:
        """Take out those that have retired, where it pays; the places that were left, or None where all stay."""
        left = self.going.nonzero()[:, 0]
        if len(left) > FULL * len(self.going):
            return None
        self.inputs, self.rows, self.going = self.inputs[left], self.rows[left], self.going[left]
        if self.best is not None:
            self.best = (self.best[0][left], self.best[1][left])
        return left

    def end(self, keep: Literal["last", "best"]) -> Result:
        """The end of each image that never converged: its last iterate, or its best."""
        inputs = self.inputs if keep == "last" or self.best is None else self.best[0]
        self.ends[self.rows[self.going]] = inputs[self.going]
        return Result(self.ends, self.calls)

    def _all(self) -> Tensor:
        return torch.arange(len(self.rows), device=self.rows.device)
