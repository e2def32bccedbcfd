"""How the networks of the study are trained: by gradient descent on images as they are, or as something moves them.

Adversarial training descends alpha J(x) + (1 - alpha) J(x + eta), alpha = 1/2 and eta = eps sign(grad J(x)) of the
network in eval mode, held fixed (section 6). The controls descend J(x + noise) alone, with fresh noise for each batch.
The paper says nothing of clipping; here x + eta is clipped to [0, 1] where the way says so.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from featsplit.data.images import ImageData, Split
from featsplit.models import Classifier
from featsplit.models.classifier import in_mode
from featsplit.progress import progress
from featsplit.randomness import drawn_by, torch_generator
from featsplit.records.evaluation import Probe
from featsplit.records.training import Recipe
from featsplit.studies.goodfellow2015.tops import Top, cost, fast
from featsplit.training import History
from featsplit.training.looks import is_looked_at, looked_at

Moved = Literal["not", "fgsm", "signs", "uniform"]
ALPHA = 0.5
"""The weight of the clean cost in adversarial training."""


@dataclass(frozen=True)
class Way:
    """A way to train, called `name`: what moves the images by `eps`, and `l1` times |W|_1 of the first layer."""

    name: str = "plain"
    moved: Moved = "not"
    eps: float = 0.0
    clip: bool = False
    l1: float = 0.0
    top: Top = "softmax"


def fit(
    model: Classifier,
    data: ImageData,
    way: Way,
    recipe: Recipe,
    *,
    seed: int,
    title: str = "train",
    probe: Probe | None = None,
) -> History:
    """Train `model` in place on `data.train`, by `recipe` (but for its adversary and augmentation), as `way` says.

    Returns by epoch the loss; in some epochs test_accuracy, and attacked_accuracy by the `probe`, too.

    Ends in eval mode. Pixels stay as they are, in [0, 1], so weights and `l1` are in units of pixels, as in the paper.
    RBF units are trained by Adam, other networks by SGD.
    """
    optimiser = _optimiser(model, way, recipe)
    model.train()
    epochs, history = progress(range(recipe.epochs), title), list[dict[str, float]]()
    for epoch in epochs:
        with drawn_by(seed, f"dropout/{epoch}"):
            loss = _epoch(model, optimiser, data.train, way, recipe, seed=seed, epoch=epoch)
        seen = looked_at(model, data, probe) if is_looked_at(epoch, recipe.epochs) else {}
        history.append({"loss": loss, **seen})
        epochs.reached(epoch + 1, **history[-1])
    model.eval()
    return history


def _epoch(
    model: Classifier,
    optimiser: torch.optim.Optimizer,
    split: Split,
    way: Way,
    recipe: Recipe,
    *,
    seed: int,
    epoch: int,
) -> float:
    """One pass over `split`, in batches of nearly equal size; the mean cost."""
    order_of, noise = (torch_generator(seed, f"{what}/{epoch}") for what in ("order", "noise"))
    order = torch.randperm(len(split), generator=order_of).tensor_split(math.ceil(len(split) / recipe.batch_size))
    first = next(layer.weight for layer in model.modules() if isinstance(layer, torch.nn.Linear))
    total = 0.0
    for batch, rows in enumerate(order):
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate(epoch + (batch + 0.5) / len(order))
        loss = _loss(model, split.inputs(rows), split.labels[rows], way, noise)
        if way.l1:
            loss = loss + way.l1 * first.abs().sum()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        total += float(loss.detach()) * len(rows)
    return total / len(split)


def _optimiser(model: Classifier, way: Way, recipe: Recipe) -> torch.optim.Optimizer:
    if way.top == "exp":
        return torch.optim.Adam(model.body.parameters(), lr=recipe.lr)
    return torch.optim.SGD(
        model.parameters(),
        lr=recipe.lr,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        weight_decay=recipe.weight_decay,
    )


def _loss(model: Classifier, inputs: Tensor, labels: Tensor, way: Way, generator: torch.Generator) -> Tensor:
    if way.moved == "not":
        return cost(model(inputs), labels, way.top).mean()
    moved = disturbed(model, inputs, labels, way, generator)
    loss = cost(model(moved), labels, way.top).mean()
    return ALPHA * cost(model(inputs), labels, way.top).mean() + (1 - ALPHA) * loss if way.moved == "fgsm" else loss


def disturbed(model: Classifier, inputs: Tensor, labels: Tensor, way: Way, generator: torch.Generator) -> Tensor:
    """The `inputs` as `way` has them in training; no gradient goes through."""
    if way.moved == "fgsm":
        with in_mode(model, training=False):
            return fast(model, inputs, labels, eps=way.eps, clip=way.clip, top=way.top)
    noise = torch.rand(inputs.shape, generator=generator) * 2 - 1
    moved = inputs + way.eps * (noise.sign() if way.moved == "signs" else noise)
    return moved.clamp(0, 1) if way.clip else moved
