r"""The seven objectives of Carlini and Wagner 2017 (arXiv:1608.04644, section V.A): below 0, or least, where x' wins.

Z are the logits and F their softmax; g is the class to be reached, r the strongest that it has to beat. Targeted: g is
the target, r the largest of all others. Untargeted: g is the largest wrong class, r the label.

    f1 = -log F_g - 1                       f5 = max(-log(2 F_g), 0)
    f2 = max(F_r - F_g, 0)                  f6 = max(Z_r - Z_g + confidence, 0)
    f3 = softplus(F_r - F_g) - log 2        f7 = softplus(Z_r - Z_g) - log 2
    f4 = max(1/2 - F_g, 0)

f1 is printed with its sign turned, and f5 as -log(2 F_g - 2), which is nowhere defined; without the hinge it would be
f1. f6 is printed as max(Z_r - Z_g, -confidence), the same up to a constant.
"""

import math
from typing import Literal, get_args

import torch.nn.functional as F
from torch import Tensor

from featsplit.attacks.objectives import cross_entropy

ObjectiveName = Literal["f1", "f2", "f3", "f4", "f5", "f6", "f7"]
OBJECTIVES: tuple[ObjectiveName, ...] = get_args(ObjectiveName)


def objective_value(
    name: ObjectiveName, logits: Tensor, labels: Tensor, *, targeted: bool, confidence: float = 0.0
) -> Tensor:
    """The objective `name` of each image, (N,), for `logits` (N, K) and `labels` (N,) int64.

    The labels are to be left, or reached when `targeted`; `confidence` is known to f6 alone.
    """
    others = logits.scatter(1, labels[:, None], float("-inf")).argmax(dim=1)
    goal, rival = (labels, others) if targeted else (others, labels)
    if name in ("f1", "f5"):
        surprise = cross_entropy(logits, goal)
        return surprise - 1 if name == "f1" else F.relu(surprise - math.log(2))
    values = logits if name in ("f6", "f7") else logits.softmax(dim=1)
    reached = _at(values, goal)
    if name == "f4":
        return F.relu(0.5 - reached)
    behind = _at(values, rival) - reached
    return F.softplus(behind) - math.log(2) if name in ("f3", "f7") else F.relu(behind + confidence)


def _at(values: Tensor, classes: Tensor) -> Tensor:
    return values.gather(1, classes[:, None]).squeeze(1)
