"""What a network predicts of the images of a split."""

import torch
from torch import Tensor

from featsplit.data.images import Split
from featsplit.models.classifier import Classifier
from featsplit.runtime.machine import Machine
from featsplit.runtime.ranks import ALONE, Ranks


def usual_batch(machine: Machine, shape: tuple[int, int, int]) -> int:
    """How many images (C, H, W) at a time suit the machine: few kernels to start, and activations that fit its caches.

    A CPU takes 512 images of 16 x 16 or less, 128 of 32 x 32, and never less than 32; a GPU 512.
    """
    if machine.kind != "cpu":
        return 512
    return min(max(2**17 // (shape[1] * shape[2]), 32), 512)


def batches(total: int, size: int) -> list[Tensor]:
    """The indices 0 ... total - 1 in pieces of at most `size`; none where there are none."""
    return list(torch.split(torch.arange(total), size)) if total else []


def predict(model: Classifier, split: Split, *, batch_size: int = 500) -> Tensor:
    """The class that `model` predicts of each image of `split`: (N,) int64 on the CPU; the model's mode is kept."""
    device, training = model.mean.device, model.training
    model.eval()
    with torch.no_grad():
        predicted = [model(split.inputs(rows).to(device)).argmax(1).cpu() for rows in batches(len(split), batch_size)]
    model.train(training)
    return torch.cat(predicted)


def accuracy(model: Classifier, split: Split, *, ranks: Ranks = ALONE) -> float:
    """The share of `split` whose label `model` predicts; each of the `ranks` looks at its own part."""
    if ranks.world == 1:
        return float((predict(model, split) == split.labels).float().mean())
    right, device = torch.zeros(len(split), dtype=torch.bool), model.mean.device
    own = ranks.own(torch.arange(len(split)))
    if len(own):
        part = split.take(own)
        right[own] = predict(model, part) == part.labels
    return float(ranks.summed(right.sum().to(device))) / len(split)
