r"""What an attack on a classifier descends.

An untargeted attack descends -J(x, y), a targeted one +J(x, t), J the cross-entropy, or the margin of the logits (the
loss of Carlini and Wagner 2017, arXiv:1608.04644, section V.A, f6) with its sign turned. Both rank iterates by that
margin, which is below zero exactly where the attack has won.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from featsplit.descent import Evaluation, Objective
from featsplit.records.evaluation import Loss

Network = Callable[[Tensor], Tensor]
"""Any map from inputs (N, C, H, W) in [0, 1] to logits (N, K) that holds no trace of the batch (eval mode).

It may offer another `rough`, the same map computed with less precision, as `featsplit.frozen` does.
"""


def classification(
    network: Network, labels: Tensor, *, targeted: bool = False, until_won: bool = False, loss: Loss = "cross-entropy"
) -> Objective:
    """The objective of an attack on `network`: its loss, and as score the margin to cross.

    `labels` (N,) int64 are to be left or, when `targeted`, to be reached. `loss`: "cross-entropy", -J (+J when
    targeted), or "margin", the score itself. With `until_won` an image has converged where the margin is below 0. Where
    it may be rough, `network.rough` is called, if there is one.
    """
    sign = -1 if targeted else 1
    roughly: Network = getattr(network, "rough", network)

    def objective(inputs: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        logits, own = (roughly if rough else network)(inputs).float(), labels[rows]
        score = sign * margin(logits, own)
        descended = score if loss == "margin" else -sign * cross_entropy(logits, own)
        return Evaluation(descended, score, score < 0 if until_won else None)

    return objective


SLACK = 1e-5
"""By what share of its largest logit an image has to be won: what rounding alone wins, a batch of other size loses."""


def slack(logits: Tensor) -> Tensor:
    """By how much a margin has to be beyond its aim to be beyond what float32 may round, (N,), for `logits` (N, K)."""
    return SLACK * logits.detach().abs().amax(dim=1)


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """How far the logit of the label leads the largest other one, (N,); below 0 the label is not predicted.

    `logits` (N, K), `labels` (N,) int64.
    """
    own, others = _parted(logits, labels)
    return own - others.amax(dim=1)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """J = log(1 + sum over j != y of exp(z_j - z_y)), (N,), of `logits` z (N, K) and `labels` y (N,) int64.

    The same number as `F.cross_entropy`, but its gradient stays right where the label's probability rounds to 1: there
    the usual form, p_y - 1, is 0 for the label's own logit, and half of the way to another class is lost.
    """
    own, others = _parted(logits, labels)
    return F.softplus(others.logsumexp(dim=1) - own)


def _parted(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The logit of the label, (N,), and all logits with that one at minus infinity, (N, K)."""
    return logits.gather(1, labels[:, None]).squeeze(1), logits.scatter(1, labels[:, None], float("-inf"))
