"""The jobs of one seed: each trains one classifier, and measures it by the formula and by the package's attacks."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
import torch
from torch import Tensor

from featsplit.attacks import fgsm
from featsplit.data.images import ImageData, Split, digest_of
from featsplit.data.sources import DataSpec
from featsplit.engine.cache import kept_rows
from featsplit.engine.jobs import Job, Worker
from featsplit.errors import FeatsplitError
from featsplit.evaluation import Attack, evaluate
from featsplit.files import json_digest, nothing_written_since
from featsplit.models import Classifier, ModelSpec, build, load_model, read_metadata, save_model
from featsplit.models.checkpoints import decisive, state_digest, versions
from featsplit.outcomes import packed
from featsplit.rows import Row
from featsplit.runtime import CPU
from featsplit.studies.goodfellow2015.logistic import model as logistic
from featsplit.studies.goodfellow2015.logistic.model import Arm, Array, Linear
from featsplit.studies.goodfellow2015.logistic.settings import Logistic
from featsplit.studies.goodfellow2015.settings import Settings

WORST, CLIPPED = "worst case", "worst case in [0, 1]"
"""The closed form without bounds on the pixels, and with them."""


class LogisticRow(Row, total=False):
    """A row of the training set tells the `length` |w|_1 and the `pull` at it; one of the closed form the `gap`.

    That is the largest difference over images of its margin from that of the package's attack, in units of eps: divided
    by |w|_1 (or by 1, where that is less).
    """

    length: float
    pull: float
    gap: float


class Shared(TypedDict):
    """What all rows of a classifier say."""

    experiment: str
    train_set: str
    training: str
    architecture: str
    test_set: str
    seed: int


def model_file(seed: int, arm: Arm) -> str:
    """Where the classifier of `arm` lies in the folder of the run."""
    return f"seed{seed}/logistic/{arm.name.replace(' ', '-')}.safetensors"


def jobs(settings: Settings, seed: int) -> list[Job]:
    """The jobs of `seed`, one for each way to train; none needs another."""
    own, data = settings.logistic, settings.two_classes(seed)
    return [
        Job(f"seed{seed}/logistic/{arm.name}", TrainAndMeasure(own, data, seed, arm), files=(model_file(seed, arm),))
        for arm in own.arms()
    ]


@dataclass(frozen=True)
class TrainAndMeasure:
    """Train a classifier as `arm` says, and measure its accuracy by eps."""

    settings: Logistic
    spec: DataSpec
    seed: int
    arm: Arm

    def __call__(self, worker: Worker) -> Sequence[LogisticRow]:
        """Its rows: clean, by the closed form and by the attacks at every eps."""
        began, path = time.perf_counter(), worker.folder / model_file(self.seed, self.arm)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = worker.data(self.spec)
        model = self._ensure_model(path, data)
        depends_on = {"model": state_digest(model), "data": data.digest, "arm": self.arm, "seed": self.seed}
        depends_on |= {"eps": self.settings.eps, "steps": self.settings.steps}
        rows = kept_rows(path.with_suffix(".json"), depends_on, lambda: self._measured(model, data))
        figures = f"error {1 - rows[0]['accuracy']:.3f}, at {rows[-1]['eps']:g} {1 - rows[-1]['accuracy']:.3f}"
        worker.tell(
            path.parents[1],
            f"seed {self.seed}",
            f"logistic {self.arm.name}",
            began=began,
            figures=figures,
            kept=nothing_written_since(began),
        )
        return rows

    def _ensure_model(self, path: Path, data: ImageData) -> Classifier:
        content = {"arm": list(self.arm), "iterations": self.settings.iterations_of(self.arm), "data": data.digest}
        key = json_digest({**content, "versions": decisive()})
        try:
            if read_metadata(path).key == key:
                return load_model(path)
        except FeatsplitError:
            pass  # there is none yet, or a damaged one: it is trained now
        inputs, signs = flat(data.train)
        fitted = logistic.fit(inputs, signs, self.arm, iterations=self.settings.iterations_of(self.arm))
        model = as_classifier(fitted, data.shape)
        extra = {"key": key, "trained_on": data.name, "data_digest": data.digest, "class_names": data.classes}
        save_model(model, path, spec=ModelSpec("linear"), extra={**extra, "versions": versions(), **content})
        return model

    def _measured(self, model: Classifier, data: ImageData) -> list[LogisticRow]:
        fitted, settings = as_linear(model), self.settings
        about = Shared(
            experiment="logistic", train_set="source", training=self.arm.name, architecture="linear", test_set="source",
            seed=self.seed,
        )  # fmt: skip
        attacks = [Attack("fgsm", "linf", eps) for eps in settings.eps]
        attacks += [Attack("pgd", "linf", eps, settings.steps) for eps in settings.eps]
        clean, *attacked = evaluate(model, data.test, [Attack(), *attacks], seed=self.seed, machine=CPU.exact)
        images = {"images": digest_of(data.test.images)[:16]}
        inputs, signs = flat(data.train)
        length, strength = float(np.abs(fitted.w).sum()), logistic.pull(fitted, inputs, signs, self.arm)
        right = logistic.margins(fitted, inputs, signs) > 0
        trained = {**Attack().fields(), "split": "train", "n": len(right), "accuracy": float(right.mean())}
        trained |= {"length": length, "pull": strength}
        found = [clean, trained, *attacked, *closed_form(model, data.test, settings.eps)]
        return [cast(LogisticRow, {**row, **about, **({} if row is trained else images)}) for row in found]


def closed_form(model: Classifier, split: Split, radii: Sequence[float]) -> list[LogisticRow]:
    """The accuracy at every eps by the formula, without bounds on the pixels and with them; each with its `gap`."""
    fitted, (inputs, signs) = as_linear(model), flat(split)
    length = max(float(np.abs(fitted.w).sum()), 1.0)
    rows: list[LogisticRow] = []
    for eps in radii:
        moved = logistic.worst_inputs(fitted, inputs, signs, eps)
        by_formula = {
            WORST: logistic.worst_margins(fitted, inputs, signs, eps),
            CLIPPED: logistic.margins(fitted, moved, signs),
        }
        by_attack = {WORST: attacked_margins(model, split, eps, room=1.0), CLIPPED: attacked_margins(model, split, eps)}
        for name, least in by_formula.items():
            fields: Row = {**Attack("fgsm", "linf", eps).fields(), "attack": name, "steps": None, "step_size": None}
            right, gap = least > 0, float(np.abs(least - by_attack[name]).max()) / length
            outcomes = packed(torch.from_numpy(right))
            number: LogisticRow = {"n": len(split), "accuracy": float(right.mean()), "outcomes": outcomes, "gap": gap}
            rows.append({**fields, **number})
    return rows


def attacked_margins(model: Classifier, split: Split, eps: float, *, room: float = 0.0) -> Array:
    """The margins (n,) of the package's FGSM images, of pixels in [-room, 1 + room].

    The attack keeps to [0, 1]; `room` is made by an attack on the images, scaled into the middle of it. It is made on
    logits divided by |w|_1, whose gradient has the same sign: that of a margin above 103 is 0 in float32.
    """
    scale, inputs = 1 + 2 * room, split.inputs()
    length = max(float(np.abs(as_linear(model).w).sum()), 1.0)

    def scaled(squeezed: Tensor) -> Tensor:
        found: Tensor = model(squeezed * scale - room) / length
        return found

    attacked = fgsm(scaled, (inputs + room) / scale, split.labels, eps=eps / scale)
    with torch.no_grad():
        logits = model(attacked * scale - room).double()
    signs = 2.0 * split.labels.double() - 1
    found: Array = (signs * (logits[:, 1] - logits[:, 0])).numpy()
    return found


def flat(split: Split) -> tuple[Array, Array]:
    """The images as (n, d) in [0, 1], and the signs y (n,): -1 for label 0, 1 for label 1."""
    return split.inputs().flatten(1).double().numpy(), 2.0 * split.labels.double().numpy() - 1


def as_classifier(fitted: Linear, shape: tuple[int, int, int]) -> Classifier:
    """`fitted` as a network of two logits, -f/2 and f/2: their softmax is the logistic probability."""
    model = build(ModelSpec("linear"), shape=shape, classes=2)
    w, b = torch.tensor(fitted.w), torch.tensor(fitted.b)
    with torch.no_grad():
        model.head.weight.copy_(torch.stack([-w, w]) / 2)
        model.head.bias.copy_(torch.stack([-b, b]) / 2)
    return model.eval()


def as_linear(model: Classifier) -> Linear:
    """The weights of the network that `as_classifier` made, in float64."""
    w, b = (parameter.detach().double() for parameter in (model.head.weight, model.head.bias))
    return Linear((w[1] - w[0]).numpy(), float(b[1] - b[0]))
