r"""The L0 attack of Carlini and Wagner 2017 (arXiv:1608.04644, section VI.B).

    minimise over w, on the allowed pixels alone   || x' - x ||_2^2 + c f(x'),      f = max(.01 - (Z_g - Z_r), 0)

All pixels are allowed at first. Where this wins, the pixels that matter least, by |delta_i| |grad_i (Z_r - Z_g)|, are
set back for ever, and it is run again from there. Where it wins no more, the last x' is the answer.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from featsplit.attacks.carlini_wagner import Best, Rows, attacked, into_box
from featsplit.attacks.growing_constant import Runs, Schedule, lead_of
from featsplit.attacks.nearest import Nearest, nearest
from featsplit.attacks.objectives import Network
from featsplit.errors import unknown
from featsplit.geometry import column, lengths
from featsplit.progress import counted

Count = Literal["l0", "l0-pixels"]
COUNTS: tuple[Count, ...] = get_args(Count)

LEAD = 0.01
"""The lead of logits that is asked for, in the authors' code."""

AT_ONCE = 0.01
"""Several components are set back at once while each takes at most this off the lead."""

CHANGED = 1e-4
"""How far a pixel has to be moved to be counted when it is told how many to set back."""


def carlini_wagner_l0(
    network: Network,
    inputs: Tensor,
    labels: Tensor,
    *,
    norm: Count = "l0-pixels",
    steps: int = 1000,
    step_size: float = 0.01,
    constant: float = 1e-3,
    largest: float = 2e6,
    early_stop: bool = True,
    targeted: bool = False,
) -> Nearest:
    """The adversarial inputs of fewest changed pixels of Carlini and Wagner's attack (arXiv:1608.04644, section VI.B).

    The defaults are those of the authors' code, which sets several pixels back at once: in rising order, up to the
    first one that matters more than .01, or .3 times the root of how many are changed. The gradient is that of the
    paper, of f at the iterate that has won.

    - network: any map from inputs to logits (N, K), in eval mode.
    - inputs: (N, C, H, W) in [0, 1].
    - labels: (N,) int64, the labels to leave; when `targeted` those to reach.
    - norm: what is counted and set back, "l0-pixels", a pixel of C channels once, or "l0", each of its components.
    - steps: the steps of Adam before c is doubled; each is one call.
    - step_size: that of Adam, for w.
    - constant: the first c; it is kept from run to run.
    - largest: an image is given up where c exceeds it.
    - early_stop: whether c is doubled at once where a tenth of the steps takes less than 1e-4 off the loss of an image;
      the authors' code does not.
    - targeted: whether `labels` are to be reached.

    Raises FeatsplitError where an option is out of its range.
    """
    if norm not in COUNTS:
        raise unknown("carlini_wagner_l0.norm", norm, COUNTS)
    schedule = Schedule(steps, step_size, constant, largest, early_stop)
    schedule.check("carlini_wagner_l0")
    inputs = inputs.contiguous()
    rows = attacked(network, inputs, labels, targeted=targeted)
    best, calls = Best(inputs), torch.ones_like(labels)
    search = _Search(schedule.begin(rows, inputs[rows], labels[rows]), torch.ones_like(inputs[rows]).bool())
    with counted(len(rows), "Carlini and Wagner, l0") as reach:
        while len(search.runs.rows):
            calls[search.runs.rows] += 1
            _step(search, best, network, norm=norm, targeted=targeted, schedule=schedule)
            going = search.allowed.flatten(1).any(dim=1) & (search.runs.constant <= largest)
            if not going.all():
                search = search[going]
                reach(len(rows) - len(search.runs.rows))
    return nearest(network, inputs, labels, best.inputs, norm=norm, targeted=targeted, calls=calls)


@dataclass(frozen=True)
class _Search(Rows):
    """The images that still run, and which components of each are `allowed` to change."""

    runs: Runs
    allowed: Tensor


def _step(search: _Search, best: Best, network: Network, *, norm: Count, targeted: bool, schedule: Schedule) -> None:
    """One step of Adam; where an image has won, the components that matter least are set back."""
    runs = search.runs
    images = torch.where(search.allowed, into_box(runs.point), runs.inputs)
    lead = lead_of(network, images, runs.labels, targeted=targeted, lead=LEAD)
    delta = images - runs.inputs
    best.keep(runs.rows, images, lengths(delta, norm), lead.won)
    loss = delta.flatten(1).square().sum(dim=1) + runs.constant * lead.value
    gradient = 2 * delta + column(runs.constant, delta) * lead.gradient
    runs.descend(gradient, loss, lead.won, schedule)
    won = lead.won.nonzero()[:, 0]
    if len(won):
        back = _least(delta[won], lead.steepest[won], search.allowed[won], norm)
        search.allowed[won] = search.allowed[won] & ~back


def _least(delta: Tensor, gradient: Tensor, allowed: Tensor, norm: Count) -> Tensor:
    """Which of the `allowed` components (n, C, H, W) are set back: at least one of each image."""
    if norm == "l0-pixels":
        matters = delta.sum(dim=1, keepdim=True).abs() * gradient.abs().sum(dim=1, keepdim=True)
        changed, free = delta.abs().amax(dim=1, keepdim=True) >= CHANGED, allowed[:, :1]
    else:
        matters, changed, free = (delta * gradient).abs(), delta.abs() >= CHANGED, allowed
    matters = torch.where(free, matters, torch.inf).flatten(1)
    rank = matters.argsort(dim=1, stable=True).argsort(dim=1)
    at_once = (0.3 * changed.flatten(1).sum(dim=1).sqrt()).ceil().clamp_min(1)
    count = torch.minimum((matters <= AT_ONCE).sum(dim=1) + 1, at_once)
    return (rank < count[:, None]).reshape(free.shape).expand_as(allowed)
