r"""What a network's logits z (N, K) mean: the probabilities, and the cost that training and the fast method climb.

    "softmax"   p = softmax(z), cost -log p_y
    "sigmoid"   p_k = sigmoid(z_k), each by itself
    "exp"       p_k = exp(z_k) of z_k <= 0: an RBF unit of z_k = -sum_i a_ki (x_i - mu_ki)^2, a > 0 (section 7)

The last two are not normalised, so that no class may be likely at all; their cost is that of one class against the
rest, -log p_y - sum over k != y of log(1 - p_k). A softmax over -distances is at least 1 / K for some class, however
far away.
"""

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from featsplit.attacks import fgsm
from featsplit.attacks.objectives import Network, cross_entropy

Top = Literal["softmax", "sigmoid", "exp"]
LEAST = 1e-6
"""How far below 0 a logit of "exp" is taken to be at least: where p is 1, log(1 - p) is infinite."""


class Seen(NamedTuple):
    """Of each input, (N,): the class of largest probability, and that probability."""

    predicted: Tensor
    confidence: Tensor


def probabilities(logits: Tensor, top: Top) -> Tensor:
    """(N, K), of `logits` (N, K)."""
    if top == "softmax":
        return logits.softmax(dim=1)
    return logits.sigmoid() if top == "sigmoid" else logits.exp()


def cost(logits: Tensor, labels: Tensor, top: Top) -> Tensor:
    """The cost (N,) of `logits` (N, K) for `labels` (N,)."""
    if top == "softmax":
        return cross_entropy(logits, labels)
    own = F.one_hot(labels, logits.shape[1]).bool()
    if top == "sigmoid":
        return F.softplus(torch.where(own, -logits, logits)).sum(dim=1)
    held = logits.clamp_max(-LEAST)
    return torch.where(own, -held, -torch.log(-torch.expm1(held))).sum(dim=1)


def seen(network: Network, inputs: Tensor, top: Top) -> Seen:
    """What `network` says of inputs (N, C, H, W)."""
    with torch.no_grad():
        confidence, predicted = probabilities(network(inputs), top).max(dim=1)
    return Seen(predicted, confidence)


def fast(network: Network, inputs: Tensor, labels: Tensor, *, eps: float, clip: bool, top: Top = "softmax") -> Tensor:
    """The fast gradient sign method on the cost of `top`: inputs (N, C, H, W), in [0, 1] if `clip`."""
    if top == "softmax":
        return fgsm(network, inputs, labels, eps=eps, clip=clip)
    given = inputs.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(cost(network(given), labels, top).sum(), given)
    moved = inputs + eps * gradient.sign()
    return moved.clamp(0, 1) if clip else moved
