"""What a network predicts of the images of a split."""

import torch
from torch import Tensor

from featsplit.data.images import Split
from featsplit.models.classifier import Classifier
from featsplit.runtime.machine import Machine


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


def accuracy(model: Classifier, split: Split) -> float:
    """The share of `split` whose label `model` predicts."""
    return float((predict(model, split) == split.labels).float().mean())
