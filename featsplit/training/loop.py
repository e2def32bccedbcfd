"""The epochs: which images in which order, the rate, and the history."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from featsplit.data.augment import augment
from featsplit.data.images import ImageData, Split, as_inputs, channel_moments
from featsplit.errors import FeatsplitError
from featsplit.models.checkpoints import decisive
from featsplit.models.classifier import Classifier
from featsplit.progress import progress
from featsplit.randomness import drawn_by, torch_generator
from featsplit.records.evaluation import Probe
from featsplit.records.training import RESIZED_CROP, Adversary, Recipe
from featsplit.runtime import CPU, Machine, placed
from featsplit.training.looks import is_looked_at, looked_at
from featsplit.training.state import History, keep, restore
from featsplit.training.trainer import Trainer

AT_ONCE = 2**28


def train(
    model: Classifier,
    data: ImageData,
    recipe: Recipe,
    *,
    seed: int = 0,
    machine: Machine = CPU,
    resume: Path | None = None,
    title: str = "train",
    probe: Probe | None = None,
) -> History:
    """Train `model` in place on `data.train`; return by epoch: loss, train_accuracy (as trained on), test_accuracy.

    With a `probe` some epochs, at most eleven and the first and the last among them, also have attacked_accuracy, that
    under its PGD on the test images that it chooses. Nothing else changes by it.

    The model takes its normalisation from the training images, in the place of any that it had; what a precision means
    is said by `Trainer`. With `resume`, the state after each epoch is kept in that file, and training with the same
    data, recipe and seed goes on from it; the caller removes it afterwards. Where `data.test` is empty there is no
    test_accuracy.
    Several `machine.ranks` train one network: order, augmentation and random starts are those of one process alone.
    Raises FeatsplitError for a recipe out of range, data of another shape, or a loss that is no longer finite.
    """
    *_, history = train_by_epoch(
        model, data, recipe, seed=seed, machine=machine, resume=resume, title=title, probe=probe
    )
    return history


def train_by_epoch(
    model: Classifier,
    data: ImageData,
    recipe: Recipe,
    *,
    seed: int = 0,
    machine: Machine = CPU,
    resume: Path | None = None,
    title: str = "train",
    probe: Probe | None = None,
) -> Iterator[History]:
    """`train`, which stops after each epoch to be looked at: the history so far, and `model` in eval mode.

    Whoever stops asking has stopped the training early.
    """
    recipe.check()
    model.expect(data.name, shape=data.shape, classes=len(data.classes))
    ranks = machine.ranks
    if len(data.train) // math.ceil(len(data.train) / recipe.batch_size) < ranks.world:
        raise FeatsplitError(
            f"train.batch_size = {recipe.batch_size}: leaves some of {ranks.world} processes no image of a batch; "
            "start fewer"
        )
    seen = augmented(data.train, recipe)
    split = Split(placed(seen, machine.device), data.train.labels.to(machine.device))
    at_rest = split if seen is data.train.images else Split(data.train.images, data.train.labels)
    _normalise(model.to(machine.device), at_rest)
    trainer = Trainer(model, recipe, machine)
    parts = [recipe.plain(), data.digest, seed, model.shape, str(model), trainer.half, decisive(), ranks.world]
    key = json.dumps([*parts, *([] if at_rest is split else [seen.shape]), *([] if probe is None else [asdict(probe)])])
    history = restore(resume, model, trainer.optimiser, key=key) if resume else []
    if len(history) == recipe.epochs:
        model.eval()
        yield history
    epochs = progress(range(len(history), recipe.epochs), title, done=len(history), total=recipe.epochs)
    for epoch in epochs:
        model.train()
        with drawn_by(seed, f"dropout/{epoch}{f'/{ranks.rank}' if ranks.rank else ''}", machine.device):
            loss, right = _epoch(trainer, split, recipe, epoch=epoch, seed=seed)
        if not math.isfinite(loss):
            raise FeatsplitError(f"train.lr = {recipe.lr:g}: the loss is {loss} in epoch {epoch + 1}; lower the rate")
        ranks.alike(model)
        tested = looked_at(model, data, probe if is_looked_at(epoch, recipe.epochs) else None, machine)
        history.append({"loss": loss, "train_accuracy": right, **tested})
        epochs.reached(len(history), **history[-1])
        if resume and ranks.is_first:
            keep(resume, model, trainer.optimiser, key=key, history=history)
        model.eval()
        yield history


def augmented(train: Split, recipe: Recipe) -> Tensor:
    """The images that `recipe` augments: for random resized crops the wide ones, where there are any."""
    return train.images if train.wide is None or RESIZED_CROP not in recipe.augment else train.wide


def _normalise(model: Classifier, split: Split) -> None:
    """By the training images; in pieces where all at once would take more than 1 GiB as float32."""
    if split.images.numel() <= AT_ONCE:
        model.normalise_by(split.inputs())
    else:
        model.normalise_to(*channel_moments(split.images))


def _epoch(trainer: Trainer, split: Split, recipe: Recipe, *, epoch: int, seed: int) -> tuple[float, float]:
    """One pass over `split`, in batches of nearly equal size: mean loss and the share of labels predicted."""
    generator = torch_generator(seed, f"train/{epoch}")
    order = torch.randperm(len(split), generator=generator).tensor_split(math.ceil(len(split) / recipe.batch_size))
    total, right = torch.zeros((), device=split.labels.device), torch.zeros((), device=split.labels.device)
    for batch, rows in enumerate(progress(order, f"epoch {epoch + 1}")):
        for group in trainer.optimiser.param_groups:
            group["lr"] = recipe.rate(epoch + (batch + 0.5) / len(order))
        whole, own = len(rows), trainer.ranks.own(torch.arange(len(rows)))
        rows = rows[own]
        images = split.images[rows.to(split.images.device)].to(split.labels.device)
        rows = rows.to(split.labels.device)
        size = trainer.model.shape[1:]
        inputs = augment(as_inputs(images), recipe.augment, generator=generator, total=whole, own=own, size=size)
        labels = split.labels[rows]
        offsets = _offsets(recipe.adversary, rows, trainer.model.shape, seed=seed, stage=f"train/{epoch}/start")
        loss, logits = trainer.step(inputs, labels, offsets, total=whole)
        total += loss * len(rows)
        right += (logits.argmax(1) == labels).sum()
    total, right = trainer.ranks.summed(torch.stack([total, right]))
    return float(total) / len(split), float(right) / len(split)


def _offsets(
    adversary: Adversary | None, rows: Tensor, shape: tuple[int, int, int], *, seed: int, stage: str
) -> Tensor | None:
    if adversary is None or not adversary.random_start:
        return None
    return adversary.threat.random_offsets(rows.tolist(), shape, seed=seed, stage=stage).to(rows.device)
