r"""The paper's theory of two Gaussians: Theorems 1, 2 and 3 in closed form (arXiv:1905.02175, section 4, appendix E).

    y uniform in {-1, 1},  x ~ N(y mu*, S*),  loss (x - y mu)' S^-1 (x - y mu) + log det S,  S* = diag(s)

`variances` are s, or the diagonal of another S, (d,); `mean` is mu*, (d,); all in float64.
"""

import math

import torch
from torch import Tensor


def excess_loss(variances: Tensor, penalty: float) -> float:
    """Theorem 1: what an adversary adds to the loss of (mu*, S*) at a cost of C ||delta||^2, `penalty` being C.

    L_adv - L = tr[(I + (C S* - I)^-1)^2] - d; at a fixed trace it is least where all variances are equal.
    """
    return float((1 + 1 / (penalty * variances - 1)).square().sum()) - len(variances)


def robust_variances(variances: Tensor, eps: float) -> Tensor:
    """Theorem 2: the variances of the robust solution, S_r = S*/2 + I/lambda + sqrt(S*/lambda + S*^2/4).

    lambda is where the adversary spends its budget: sum_i s_i / (lambda S_r,i - 1)^2 = eps^2, found by bisection.
    """

    def over(price: float) -> Tensor:
        """lambda S_r - 1, without taking the 1 away from a number near it."""
        half = price * variances / 2
        return half + (2 * half + half.square()).sqrt()

    if not eps:
        return variances
    low, high = -50.0, 50.0
    for _ in range(200):
        middle = (low + high) / 2
        spent = float((variances / over(10**middle).square()).sum())
        low, high = (middle, high) if spent > eps**2 else (low, middle)
    return (1 + over(10**high)) / 10**high


def least_alignment(variances: Tensor) -> float:
    """Theorem 3: the least cosine over all mu between mu and the gradient S^-1 mu: 2 sqrt(k) / (1 + k), k = cond(S)."""
    condition = float(variances.max() / variances.min())
    return 2 * math.sqrt(condition) / (1 + condition)


def alignment(mean: Tensor, variances: Tensor) -> Tensor:
    """The cosine between mu and the gradient S^-1 mu, (..., d) to (...)."""
    return torch.nn.functional.cosine_similarity(mean, mean / variances, dim=-1, eps=0)


def rule_accuracy(mean: Tensor, variances: Tensor, rule: Tensor, eps: float) -> float:
    """The accuracy of sign(x' w), w being `rule` (d,), where each example may move by eps in l2.

    Phi((w' mu* - eps ||w||) / sqrt(w' S* w)): a linear rule's margin falls by eps times the dual norm of its weights.
    """
    margin = rule @ mean - eps * rule.norm()
    return float(torch.special.ndtr(margin / (rule.square() @ variances).sqrt()))
