r"""Attacks on a classifier: objectives over `minimize`.

An untargeted attack descends -J(x, y), a targeted one +J(x, t), J the cross-entropy, or the margin of the logits (the
loss of Carlini and Wagner 2017, arXiv:1608.04644, section V.A, f6) with its sign turned. Both rank iterates by that
margin, which is below zero exactly where the attack has won. `inputs` are (N, C, H, W) in [0, 1], `labels` and
`targets` (N,); a network is any map from such inputs to logits (N, K) that holds no trace of the batch (eval mode).
"""

from collections.abc import Callable
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from featsplit.geometry import Norm, ball
from featsplit.optimize import Evaluation, Objective, minimize
from featsplit.rules import StepRule

Network = Callable[[Tensor], Tensor]
Loss = Literal["cross-entropy", "margin"]
LOSSES: tuple[Loss, ...] = get_args(Loss)


def classification(
    network: Network, labels: Tensor, *, targeted: bool = False, until_won: bool = False, loss: Loss = "cross-entropy"
) -> Objective:
    """The objective of an attack: loss -J (or +J towards `labels` when targeted), score the margin to cross.

    With `until_won` an image has arrived where that margin is below 0. `loss` "margin" descends the score itself.
    """
    sign = -1 if targeted else 1

    def objective(inputs: Tensor, rows: Tensor) -> Evaluation:
        logits, own = network(inputs).float(), labels[rows]
        score = sign * margin(logits, own)
        descended = score if loss == "margin" else -sign * cross_entropy(logits, own)
        return Evaluation(descended, score, score < 0 if until_won else None)

    return objective


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """How far the logit of the label leads the largest other one, (N,); below 0 the label is not predicted."""
    own, others = _parted(logits, labels)
    return own - others.amax(dim=1)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """J = log(1 + sum over j != y of exp(z_j - z_y)), (N,).

    The same number as `F.cross_entropy`, but its gradient stays right where the label's probability rounds to 1: there
    the usual form, p_y - 1, is 0 for the label's own logit, and half of the way to another class is lost.
    """
    own, others = _parted(logits, labels)
    return F.softplus(others.logsumexp(dim=1) - own)


def _parted(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The logit of the label, (N,), and all logits with that one at minus infinity, (N, K)."""
    return logits.gather(1, labels[:, None]).squeeze(1), logits.scatter(1, labels[:, None], float("-inf"))


def fgsm(
    network: Network, inputs: Tensor, labels: Tensor, *, norm: Norm = "linf", eps: float, targeted: bool = False
) -> Tensor:
    """The fast gradient sign method, x + eps sign(grad J) (arXiv:1412.6572, section 4), or its l2 form."""
    return pgd(network, inputs, labels, norm=norm, eps=eps, steps=1, step_size=eps, targeted=targeted, keep="last")


def bim(
    network: Network, inputs: Tensor, labels: Tensor, *, norm: Norm = "linf", eps: float, steps: int, step_size: float
) -> Tensor:
    """The basic iterative method (arXiv:1607.02533, section 2.2): steps from the image itself, the last one kept."""
    return pgd(network, inputs, labels, norm=norm, eps=eps, steps=steps, step_size=step_size, keep="last")


def least_likely(
    network: Network, inputs: Tensor, *, norm: Norm = "linf", eps: float, steps: int, step_size: float
) -> Tensor:
    """Steps towards the class that the network finds least likely (arXiv:1607.02533, section 2.3)."""
    with torch.no_grad():
        targets = network(inputs).argmin(dim=1)
    return pgd(
        network, inputs, targets, norm=norm, eps=eps, steps=steps, step_size=step_size, targeted=True, keep="last"
    )


def pgd(
    network: Network,
    inputs: Tensor,
    labels: Tensor,
    *,
    norm: Norm,
    eps: float,
    steps: int,
    step_size: float,
    offsets: Tensor | None = None,
    targeted: bool = False,
    keep: Literal["last", "best"] = "best",
    until_won: bool = False,
    loss: Loss = "cross-entropy",
    draft: float = 0.0,
) -> Tensor:
    """Projected gradient descent in the eps-ball (arXiv:1706.06083): adversarial inputs, (N, C, H, W) in [0, 1].

    Starts from `inputs`, or from `inputs + offsets` (see `geometry.random_offsets`). `best` keeps the iterate with the
    least margin, the end included; `last` is what the paper's data sets use. `until_won` spares the steps after the
    first iterate that wins; `draft` is as in `minimize`.
    """
    start = inputs if offsets is None else inputs + offsets
    rule = StepRule("paper", step_size=step_size, norm=norm)
    objective = classification(network, labels, targeted=targeted, until_won=until_won, loss=loss)
    onto = ball(inputs, norm, eps)
    return minimize(objective, start, steps=steps, rule=rule, project=onto, keep=keep, draft=draft).inputs
