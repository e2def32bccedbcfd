"""What a network reads in the images of a split."""

import torch
from torch import Tensor

from featsplit.data.images import Split
from featsplit.models.classifier import Classifier


def usual_batch(device: torch.device | str) -> int:
    """How many images at a time suit the device: a GPU needs many to hide the cost of starting its kernels."""
    return 128 if torch.device(device).type == "cpu" else 512


def batches(total: int, size: int) -> list[Tensor]:
    """The indices 0 ... total - 1 in runs of at most `size`; none where there are none."""
    return list(torch.split(torch.arange(total), size)) if total else []


def predict(model: Classifier, split: Split, *, batch_size: int = 500) -> Tensor:
    """The class that `model` reads in each image of `split`: (N,) int64 on the CPU; the model's mode is kept."""
    device, training = model.mean.device, model.training
    model.eval()
    with torch.no_grad():
        found = [model(split.inputs(rows).to(device)).argmax(1).cpu() for rows in batches(len(split), batch_size)]
    model.train(training)
    return torch.cat(found)


def accuracy(model: Classifier, split: Split) -> float:
    """The share of `split` whose label `model` reads."""
    return float((predict(model, split) == split.labels).float().mean())
