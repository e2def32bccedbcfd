r"""The L2 attack of Carlini and Wagner 2017 (arXiv:1608.04644, section VI.A).

    minimise over w   || x' - x ||_2^2 + c f(x'),      x' = (tanh(w) + 1) / 2,      f = max(Z_r - Z_g + confidence, 0)

by Adam. c starts small, is multiplied by ten up to the first round that wins, and is then bisected. The nearest x' of
all rounds and iterates is returned.
"""

from dataclasses import dataclass
from typing import Literal, Self, get_args

import torch
from torch import Tensor

from featsplit.attacks.carlini_wagner import (
    Adam,
    Best,
    Rows,
    attacked,
    clearly,
    into_box,
    onto_line,
    stalled,
    with_gradient,
)
from featsplit.attacks.nearest import Nearest, nearest
from featsplit.attacks.objectives import Network
from featsplit.attacks.seven_objectives import OBJECTIVES, ObjectiveName, objective_value
from featsplit.errors import FeatsplitError, check_count, check_positive, unknown
from featsplit.progress import counted

Box = Literal["tanh", "clipped", "projected"]
"""How x' is held in [0, 1] (section V.B)."""
BOXES: tuple[Box, ...] = get_args(Box)


def carlini_wagner_l2(
    network: Network,
    inputs: Tensor,
    labels: Tensor,
    *,
    steps: int = 10_000,
    rounds: int = 9,
    step_size: float = 0.01,
    constant: float = 1e-3,
    confidence: float = 0.0,
    objective: ObjectiveName = "f6",
    box: Box = "tanh",
    early_stop: bool = True,
    targeted: bool = False,
) -> Nearest:
    """The nearest adversarial inputs in l2 that Carlini and Wagner's attack finds (arXiv:1608.04644, section VI.A).

    The defaults are those of the authors' code. An image that ends a round early goes on with its next one, and takes
    no calls when it is done.

    - network: any map from inputs to logits (N, K), in eval mode.
    - inputs: (N, C, H, W) in [0, 1].
    - labels: (N,) int64, the labels to leave; when `targeted` those to reach.
    - steps: the steps of Adam in a round; each is one call.
    - rounds: how many values of c are tried; with ten or more the last round repeats the least c that has won.
    - step_size: that of Adam, for w; with fewer than 1000 steps a larger one does better.
    - constant: the first c.
    - confidence: by how much the logit of the wrong class has to lead (kappa); examples of high confidence transfer.
    - objective: f, "f1" to "f7" (see `seven_objectives`); `confidence` is for "f6" only.
    - box: "tanh" descends w; "clipped" descends r = x' - x, with f at x + r clipped to [0, 1] and the distance of r
      as it is; "projected" descends x' and clips it after each step.
    - early_stop: whether a round ends for an image once a tenth of the steps takes less than 1e-4 off its loss.
    - targeted: whether `labels` are to be reached.

    Raises FeatsplitError where an option is out of its range.
    """
    _check(objective, box, confidence)
    for name, count in (("steps", steps), ("rounds", rounds)):
        check_count(f"carlini_wagner_l2.{name}", count)
    for name, size in (("step_size", step_size), ("constant", constant)):
        check_positive(f"carlini_wagner_l2.{name}", size)
    options = _Options(network, steps, rounds, step_size, confidence, objective, box, early_stop, targeted)
    inputs = inputs.contiguous()
    rows = attacked(network, inputs, labels, targeted=targeted, confidence=confidence)
    best, calls = Best(inputs), torch.ones_like(labels)
    search = _Search.begin(rows, inputs[rows], labels[rows], constant=constant, box=box)
    with counted(len(rows) * rounds, "Carlini and Wagner, l2") as reach:
        while len(search.rows):
            calls[search.rows] += 1
            ended = _step(search, best, options)
            if ended.any():
                search.next_round(ended, options)
                search = search[search.round < rounds]
                reach((len(rows) - len(search.rows)) * rounds + int(search.round.sum()))
    return nearest(
        network, inputs, labels, best.inputs, norm="l2", targeted=targeted, calls=calls, confidence=confidence
    )


@dataclass(frozen=True)
class _Options:
    network: Network
    steps: int
    rounds: int
    step_size: float
    confidence: float
    objective: ObjectiveName
    box: Box
    early_stop: bool
    targeted: bool


@dataclass(frozen=True)
class _Search(Rows):
    """The images that are searched for, each at its own `count` of steps in its own `round`, with its own c.

    `low` and `high` are the largest c that has failed and the least that has won.
    """

    rows: Tensor
    inputs: Tensor
    labels: Tensor
    point: Tensor
    adam: Adam
    count: Tensor
    previous: Tensor
    won: Tensor
    round: Tensor
    constant: Tensor
    low: Tensor
    high: Tensor

    @classmethod
    def begin(cls, rows: Tensor, inputs: Tensor, labels: Tensor, *, constant: float, box: Box) -> Self:
        """The first round of each image."""
        whole, point = torch.zeros_like(rows), _start(inputs, box)
        real = whole.to(inputs.dtype)
        first, infinite = torch.full_like(real, constant), torch.full_like(real, torch.inf)
        state = (Adam.at(point), whole.clone(), infinite.clone(), whole.bool(), whole.clone())
        return cls(rows, inputs, labels, point, *state, first, real.clone(), infinite)

    def next_round(self, ended: Tensor, options: _Options) -> None:
        """Begin the next round, with another c, for the images whose round has `ended` (n,) bool."""
        constant = self.constant
        self.high[:] = torch.where(ended & self.won, torch.minimum(self.high, constant), self.high)
        self.low[:] = torch.where(ended & ~self.won, torch.maximum(self.low, constant), self.low)
        self.round.add_(ended)
        bounded = self.high.isfinite()
        proposed = torch.where(bounded, (self.low + self.high) / 2, 10 * constant)
        if options.rounds >= 10:
            proposed = torch.where(bounded & (self.round == options.rounds - 1), self.high, proposed)
        constant[:] = torch.where(ended, proposed, constant)
        self.point[ended] = _start(self.inputs[ended], options.box)
        self.adam.reset(ended)
        self.count[ended], self.previous[ended], self.won[ended] = 0, torch.inf, False


def _step(search: _Search, best: Best, options: _Options) -> Tensor:
    """One step of Adam; which images end their round with it, (n,) bool."""
    inputs, labels, targeted = search.inputs, search.labels, options.targeted

    def loss(point: Tensor) -> tuple[Tensor, ...]:
        images = _images(point, inputs, options.box)
        logits = options.network(images).float()
        f = objective_value(options.objective, logits, labels, targeted=targeted, confidence=options.confidence)
        return _penalty(point, images, inputs, options.box) + search.constant * f, images, logits

    gradient, (value, images, logits) = with_gradient(loss, search.point)
    won = clearly(logits, labels, targeted=targeted, confidence=options.confidence)
    best.keep(search.rows, images, _squared(images - inputs), won)
    search.won.logical_or_(won)
    ended = stalled(value, search.previous, search.count, steps=options.steps) & options.early_stop
    search.point.add_(search.adam.move(gradient, options.step_size))
    if options.box == "projected":
        search.point.clamp_(0, 1)
    search.count.add_(1)
    return ended | (search.count >= options.steps)


def _start(inputs: Tensor, box: Box) -> Tensor:
    """What is descended, where x' is the image."""
    if box == "tanh":
        return onto_line(inputs)
    return torch.zeros_like(inputs) if box == "clipped" else inputs.clone()


def _images(point: Tensor, inputs: Tensor, box: Box) -> Tensor:
    """The x' that `point` stands for."""
    if box == "tanh":
        return into_box(point)
    return (inputs + point).clamp(0, 1) if box == "clipped" else point


def _penalty(point: Tensor, images: Tensor, inputs: Tensor, box: Box) -> Tensor:
    """The squared distance that is descended; with "tanh" from the x' of the start, as in the authors' code."""
    if box == "clipped":
        return _squared(point)
    return _squared(images - (into_box(onto_line(inputs)) if box == "tanh" else inputs))


def _squared(delta: Tensor) -> Tensor:
    return delta.flatten(1).square().sum(dim=1)


def _check(objective: str, box: str, confidence: float) -> None:
    if objective not in OBJECTIVES:
        raise unknown("carlini_wagner_l2.objective", objective, OBJECTIVES)
    if box not in BOXES:
        raise unknown("carlini_wagner_l2.box", box, BOXES)
    if not 0 <= confidence < float("inf"):
        raise FeatsplitError(f"carlini_wagner_l2.confidence = {confidence:g}: must be a number of at least 0")
    if confidence and objective != "f6":
        raise FeatsplitError(
            f'carlini_wagner_l2.confidence = {confidence:g}: must be 0 for objective "{objective}"; '
            'only "f6" asks for a lead'
        )
