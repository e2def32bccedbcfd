r"""How much of the true labels a derived set leaks through robust features alone (Goh 2019).

From the discussion of the paper, distill.pub/2019/advex-bugs-discussion, "Robust feature leakage": the logits of an
adversarially trained linear model are K robust linear features; a linear classifier that sees these features only is
trained on D_rand or D_det. What it then predicts of the true test images came through robust features, so it is a lower
bound on the leak.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import Optimizer

from featsplit.data.images import Split
from featsplit.models.classifier import Classifier
from featsplit.runtime import batches

PENALTY = 1e-4


def leaked_accuracy(model: Classifier, train: Split, test: Split) -> float:
    """The accuracy on `test` of a linear classifier on the logits of `model`, trained on `train`."""
    features, unseen = _logits(model, train), _logits(model, test)
    middle, scale = features.mean(dim=0), features.std(dim=0).clamp_min(1e-12)
    weights = _fit((features - middle) / scale, train.labels, classes=model.classes)
    predicted = (_with_one((unseen - middle) / scale) @ weights).argmax(dim=1)
    return float((predicted == test.labels).float().mean())


def _logits(model: Classifier, split: Split) -> Tensor:
    device = model.mean.device
    with torch.no_grad():
        parts = [model.logits(split.inputs(rows).to(device)).double().cpu() for rows in batches(len(split), 500)]
    return torch.cat(parts)


def _fit(features: Tensor, labels: Tensor, *, classes: int) -> Tensor:
    """Softmax regression with a small l2 penalty, by L-BFGS from zero to its one minimum: (features + 1, classes)."""
    inputs = _with_one(features)
    weights = torch.zeros(inputs.shape[1], classes, dtype=torch.float64, requires_grad=True)
    optimiser: Optimizer = torch.optim.LBFGS(
        [weights], max_iter=500, tolerance_grad=1e-8, line_search_fn="strong_wolfe"
    )

    def loss() -> float:
        optimiser.zero_grad()
        value = F.cross_entropy(inputs @ weights, labels) + PENALTY * weights.square().sum()
        torch.autograd.backward(value)
        return value.item()

    optimiser.step(loss)
    return weights.detach()


def _with_one(features: Tensor) -> Tensor:
    return torch.cat([features, torch.ones(len(features), 1, dtype=features.dtype)], dim=1)
