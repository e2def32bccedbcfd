"""What a network says of some inputs, beyond whether its prediction is right."""

from typing import NamedTuple

import torch
from torch import Tensor

from featsplit.models.classifier import Classifier
from featsplit.rows import Row


class Seen(NamedTuple):
    """Of each input, (N,): whether its label is predicted, the probability of what is, whether it is in the top k."""

    right: Tensor
    confidence: Tensor
    in_top: Tensor

    def fields(self, classes: int) -> Row:
        """The fields of a row that tell of them; of how many labels the top is, where that says anything."""
        wrong = self.confidence[~self.right]
        row: Row = {"confidence": float(wrong.mean()) if len(wrong) else None}
        if k := top_k(classes):
            row |= {"top_k": k, "top_k_accuracy": float(self.in_top.float().mean())}
        return row


def seen(network: Classifier, inputs: Tensor, labels: Tensor) -> Seen:
    """What `network` says of inputs (N, C, H, W) with `labels` (N,), on the CPU."""
    with torch.no_grad():
        logits = network(inputs)
    confidence, predicted = logits.softmax(dim=1).max(dim=1)
    in_top = (logits.topk(top_k(logits.shape[1]) or 1).indices == labels[:, None]).any(dim=1)
    return Seen((predicted == labels).cpu(), confidence.cpu(), in_top.cpu())


def top_k(classes: int) -> int:
    """How many labels count as named: 5; of fewer than 20 classes 2, since half of all say little; of two 0."""
    return 5 if classes >= 20 else 2 if classes > 2 else 0
