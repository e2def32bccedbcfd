r"""The Linf attack of Carlini and Wagner 2017 (arXiv:1608.04644, section VI.C).

    minimise over w   sum_i max(|x'_i - x_i| - tau, 0) + c f(x'),      f = max(Z_r - Z_g, 0)

The largest change alone has a gradient in one pixel only; this one is pushed in each pixel that exceeds tau. tau is 1
at first, and .9 of the largest change after each win, from where it is run again.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from featsplit.attacks.carlini_wagner import Best, Rows, attacked, into_box
from featsplit.attacks.growing_constant import NEARLY, Runs, Schedule, lead_of
from featsplit.attacks.nearest import Nearest, nearest
from featsplit.attacks.objectives import Network
from featsplit.errors import FeatsplitError
from featsplit.geometry import column, lengths
from featsplit.progress import counted

LEAST = 1 / 256
"""Where tau is below this an image has had its last run."""


def carlini_wagner_linf(
    network: Network,
    inputs: Tensor,
    labels: Tensor,
    *,
    steps: int = 1000,
    step_size: float = 5e-3,
    constant: float = 1e-5,
    largest: float = 20.0,
    shrink: float = 0.9,
    early_stop: bool = True,
    targeted: bool = False,
) -> Nearest:
    """The nearest adversarial inputs in linf that Carlini and Wagner's attack finds (arXiv:1608.04644, section VI.C).

    The defaults are those of the authors' code, which returns the end of the last run that has won; here it is the
    nearest iterate of all runs.

    - network: any map from inputs to logits (N, K), in eval mode.
    - inputs: (N, C, H, W) in [0, 1].
    - labels: (N,) int64, the labels to leave; when `targeted` those to reach.
    - steps: the steps of Adam before c is doubled; each is one call.
    - step_size: that of Adam, for w.
    - constant: the first c; it is kept from run to run.
    - largest: an image is given up where c exceeds it.
    - shrink: tau after a win, as a share of the largest change or of the last tau, whichever is less.
    - early_stop: whether c is doubled at once where a tenth of the steps takes less than 1e-4 off the loss of an image;
      the authors' code does not.
    - targeted: whether `labels` are to be reached.

    Raises FeatsplitError where an option is out of its range.
    """
    schedule = Schedule(steps, step_size, constant, largest, early_stop)
    schedule.check("carlini_wagner_linf")
    if not 0 < shrink < 1:
        raise FeatsplitError(f"carlini_wagner_linf.shrink = {shrink:g}: must be greater than 0 and less than 1")
    inputs = inputs.contiguous()
    rows = attacked(network, inputs, labels, targeted=targeted)
    best, calls = Best(inputs), torch.ones_like(labels)
    runs = schedule.begin(rows, inputs[rows], labels[rows])
    search = _Search(runs, torch.ones_like(runs.constant))
    with counted(len(rows), "Carlini and Wagner, linf") as reach:
        while len(search.runs.rows):
            calls[search.runs.rows] += 1
            _step(search, best, network, shrink=shrink, targeted=targeted, schedule=schedule)
            going = (search.tau >= LEAST) & (search.runs.constant <= largest)
            if not going.all():
                search = search[going]
                reach(len(rows) - len(search.runs.rows))
    return nearest(network, inputs, labels, best.inputs, norm="linf", targeted=targeted, calls=calls)


@dataclass(frozen=True)
class _Search(Rows):
    """The images that still run, and the `tau` of each."""

    runs: Runs
    tau: Tensor


def _step(search: _Search, best: Best, network: Network, *, shrink: float, targeted: bool, schedule: Schedule) -> None:
    """One step of Adam; where an image has won, tau is made smaller."""
    runs, images = search.runs, into_box(search.runs.point)
    lead = lead_of(network, images, runs.labels, targeted=targeted, lead=0.0)
    delta = images - runs.inputs
    largest = lengths(delta, "linf")
    best.keep(runs.rows, images, largest, lead.won)
    excess = delta.abs() - column(search.tau, delta)
    loss = excess.clamp_min(0).flatten(1).sum(dim=1) + runs.constant * lead.value
    gradient = torch.where(excess > 0, delta.sign(), 0.0) + column(runs.constant, delta) * lead.gradient
    won = lead.won & (loss < NEARLY * runs.constant)
    runs.descend(gradient, loss, won, schedule)
    search.tau[won] = shrink * torch.minimum(search.tau, largest)[won]
