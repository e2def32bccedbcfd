r"""Defensive distillation (Papernot 2016, arXiv:1511.04508): a network trained on another's probabilities.

    p_T(x) = softmax(Z(x) / T),      loss(x) = -sum_k q_k log p_T(x)_k

With hard labels q a teacher learns at the temperature T; then a student of the same architecture learns, at T too, with
q = p_T of the teacher on the same training images. The student is used at T = 1, where its logits are T times as large
as it was trained for: the cross-entropy's gradient is 0 in float32 on most images, and the attacks that follow it fail.

It is descended by Adam: at T = 40 and more the loss is flatter by 1 / T, and SGD often ends at a constant network.
"""

import copy
import math
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from featsplit.data.images import Split
from featsplit.errors import FeatsplitError, check_count, check_positive
from featsplit.models.classifier import Classifier, in_mode
from featsplit.progress import progress
from featsplit.randomness import torch_generator
from featsplit.runtime import CPU, Machine, arrange, batches, mixed


@dataclass(frozen=True)
class SoftRecipe:
    """Adam at the rate `lr`, falling to 0 along a half cosine, for `epochs` in batches of `batch_size`.

    Without weight decay: it would undo the growth of the logits.
    """

    epochs: int = 6
    batch_size: int = 128
    lr: float = 2e-3

    def check(self, place: str = "distill") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        check_count(f"{place}.epochs", self.epochs)
        check_count(f"{place}.batch_size", self.batch_size)
        check_positive(f"{place}.lr", self.lr)

    def rate(self, epoch: float) -> float:
        """The learning rate at `epoch`, counted in fractions from 0."""
        return self.lr * (1 + math.cos(math.pi * epoch / self.epochs)) / 2


class Distilled(NamedTuple):
    """The two networks of defensive distillation; the `student` is the one that is used, at a temperature of 1."""

    teacher: Classifier
    student: Classifier


def train_soft(
    network: Classifier,
    inputs: Tensor,
    soft: Tensor,
    *,
    temperature: float = 1.0,
    recipe: SoftRecipe = SoftRecipe(),
    seed: int = 0,
    machine: Machine = CPU,
    title: str = "train",
) -> list[float]:
    """Train `network` in place on soft labels at a temperature; the mean loss of each epoch.

    - network: left in eval mode, on the device of `machine`; its normalisation is kept as it is.
    - inputs: (N, C, H, W), uint8 or float in [0, 1].
    - soft: (N, K) probabilities q; of hard labels, one-hot.
    - temperature: T, by which the logits are divided; the loss is not multiplied by T^2, as that of Hinton 2015 is.
    - recipe: how it is descended.
    - seed: decides the order of the images and what is dropped out.
    - machine: where; in bfloat16 the layers are computed in it, and never weights, loss and update.
    - title: what the progress is called.

    Raises FeatsplitError where an argument is out of its range, or the loss is no longer finite.
    """
    recipe.check("recipe")
    check_positive("train_soft.temperature", temperature)
    _check_soft(soft, len(inputs), network.classes)
    split, device = Split(inputs, soft), torch.device(machine.device)
    arrange(network.to(device), device)
    optimiser, losses = torch.optim.Adam(network.parameters(), lr=recipe.lr), []
    with in_mode(network, training=True), torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        epochs = progress(range(recipe.epochs), title)
        for epoch in epochs:
            order = torch.randperm(len(inputs), generator=torch_generator(seed, f"distillation/{epoch}"))
            pieces, total = order.tensor_split(math.ceil(len(order) / recipe.batch_size)), 0.0
            for place, rows in enumerate(pieces):
                optimiser.param_groups[0]["lr"] = recipe.rate(epoch + (place + 0.5) / len(pieces))
                with mixed(device, machine.half):
                    logits = network(split.inputs(rows).to(device))
                loss = F.cross_entropy(logits.float() / temperature, soft[rows].to(device))
                optimiser.zero_grad(set_to_none=True)
                torch.autograd.backward(loss)
                optimiser.step()
                total += float(loss.detach()) * len(rows)
            losses.append(total / len(inputs))
            if not math.isfinite(losses[-1]):
                raise FeatsplitError(f"recipe.lr = {recipe.lr:g}: the loss is {losses[-1]}; lower the rate")
            epochs.reached(epoch + 1, loss=losses[-1])
    network.eval()
    return losses


def soft_labels(network: Classifier, inputs: Tensor, *, temperature: float = 1.0, batch_size: int = 500) -> Tensor:
    """softmax(Z(x) / T) of `network` in eval mode for `inputs` (N, C, H, W), uint8 or in [0, 1]: (N, K) on the CPU."""
    split, device = Split(inputs, torch.zeros(len(inputs), dtype=torch.int64)), network.mean.device
    with torch.no_grad(), in_mode(network, training=False):
        found = [network(split.inputs(rows).to(device)) for rows in batches(len(split), batch_size)]
    return (torch.cat(found).float() / temperature).softmax(dim=1).cpu()


def heated(network: Classifier, temperature: float) -> Classifier:
    """A copy of `network` with logits `temperature` times as large: at that temperature it predicts what it did at 1.

    So a network that was trained a little at 1 is a start for training at T. Left as it is, its logits divided by T
    are all alike, and a small network that learns from there, at a flat loss, loses a tenth of the images.
    """
    copied = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in copied.head.parameters():
            parameter.mul_(temperature)
    return copied


def distill(
    start: Classifier,
    inputs: Tensor,
    labels: Tensor,
    *,
    temperature: float,
    recipe: SoftRecipe = SoftRecipe(),
    seed: int = 0,
    machine: Machine = CPU,
) -> Distilled:
    """Defensive distillation (arXiv:1511.04508, section IV) at a `temperature`; teacher and student.

    - start: a network that was trained for a little, at a temperature of 1 (the authors' code: one epoch); teacher and
      student both go on from it, `heated`. It stays as it is.
    - inputs, labels: the training images (N, C, H, W), uint8 or in [0, 1], and their labels (N,) int64.
    - temperature: T, at least 1; of teacher and student.
    - recipe: how each of the two is trained.
    - seed: decides the order of the images.
    - machine: see `train_soft`.

    Raises FeatsplitError where an argument is out of its range.
    """
    if not 1 <= temperature < math.inf:
        raise FeatsplitError(f"distill.temperature = {temperature:g}: must be at least 1, and finite")
    teacher, student = heated(start, temperature), heated(start, temperature)
    learn = partial(train_soft, temperature=temperature, recipe=recipe, machine=machine)
    learn(teacher, inputs, F.one_hot(labels, start.classes).float(), seed=seed, title="teacher")
    learn(student, inputs, soft_labels(teacher, inputs, temperature=temperature), seed=seed + 1, title="student")
    return Distilled(teacher, student)


def _check_soft(soft: Tensor, count: int, classes: int) -> None:
    if soft.shape != (count, classes):
        wanted = f"must be {(count, classes)}, probabilities for each image"
        raise FeatsplitError(f"train_soft.soft: is {tuple(soft.shape)}; {wanted}")
    if not bool(((soft >= 0) & (soft <= 1)).all()) or not bool(((soft.sum(dim=1) - 1).abs() < 1e-4).all()):
        raise FeatsplitError("train_soft.soft: must be probabilities, at least 0 and summing to 1; logits are none")
