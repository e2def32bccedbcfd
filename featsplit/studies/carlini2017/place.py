"""One seed of a run: its data, which of its images are attacked, and towards which classes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from featsplit.data.images import ImageData, Split, digest_of
from featsplit.engine.jobs import Worker
from featsplit.models import Classifier
from featsplit.randomness import integers, torch_generator
from featsplit.runtime import predict
from featsplit.studies.carlini2017.settings import Settings


@dataclass(frozen=True)
class Place:
    """The `settings` of a run and one of its seeds."""

    settings: Settings
    seed: int

    def data(self, worker: Worker) -> ImageData:
        """The data of the seed."""
        return worker.data(self.settings.data_of(self.seed))

    def folder(self, worker: Worker) -> Path:
        """Where the files of the seed lie."""
        folder = worker.folder / f"seed{self.seed}"
        (folder / "rows").mkdir(parents=True, exist_ok=True)
        return folder

    @contextmanager
    def stage(self, worker: Worker, what: str) -> Iterator[Callable[[str], None]]:
        """A stage of the work, `what`: its time is told and kept, with the figures that are said inside."""
        began, figures = time.perf_counter(), list[str]()
        yield figures.append
        worker.tell(self.folder(worker), f"seed {self.seed}", what, began=began, figures=" ".join(figures))


AT_ONCE = 500
"""Images that are predicted at a time, until there are enough."""


class Attacked(NamedTuple):
    """Images that are attacked: `inputs` (n, C, H, W) in [0, 1], `labels` (n,), and for each a class drawn from the
    others, `targets` (n,). `images` says which they are.
    """

    inputs: Tensor
    labels: Tensor
    targets: Tensor
    images: str

    def first(self, count: int) -> "Attacked":
        """The first `count` of them."""
        inputs = self.inputs[:count]
        return Attacked(inputs, self.labels[:count], self.targets[:count], digest_of(inputs)[:16])


def attacked_images(model: Classifier, split: Split, count: int) -> Attacked:
    """`count` images of `split` that `model` predicts rightly, fewer where there are no more, a class after the other.

    Their order is drawn once, and the target of an image by the image: all networks and attacks have the same, under
    every seed that has the same `split`, but for the images that one of them predicts wrongly.
    """
    order = _right(model, split, -(-count // model.classes))
    turn = torch.zeros_like(order)
    for label in range(model.classes):
        own = split.labels[order] == label
        turn[own] = torch.arange(int(own.sum()))
    rows = order[(turn * model.classes + split.labels[order]).argsort()][:count]
    inputs, labels = split.inputs(rows), split.labels[rows]
    targets = (labels + 1 + integers(0, "target", rows, model.classes - 1)) % model.classes
    return Attacked(inputs, labels, targets, digest_of(inputs)[:16])


def _right(model: Classifier, split: Split, of_each: int) -> Tensor:
    """Rows of `split` that `model` predicts rightly, in an order that is drawn: at least `of_each` class, or all."""
    order = torch.randperm(len(split), generator=torch_generator(0, "attacked"))
    found, counts = list[Tensor](), torch.zeros(model.classes, dtype=torch.int64)
    for rows in torch.split(order, AT_ONCE):
        some = split.take(rows)
        found.append(rows[predict(model, some) == some.labels])
        counts += torch.bincount(split.labels[found[-1]], minlength=model.classes)
        if int(counts.min()) >= of_each:
            break
    return torch.cat(found)
