"""The job of a network: it is trained, and measured as all are: clean, by the fast method, under noise, on rubbish."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from featsplit.data.images import Split
from featsplit.engine.jobs import Worker
from featsplit.evaluation import Attack, evaluate
from featsplit.models import Classifier, read_metadata
from featsplit.outcomes import packed
from featsplit.randomness import torch_generator
from featsplit.records.minimum_norm import MinimumNorm
from featsplit.runtime import batches, frozen
from featsplit.studies.goodfellow2015.networks import Network
from featsplit.studies.goodfellow2015.place import Place, Stage, images_of
from featsplit.studies.goodfellow2015.rows import FREE_NOISE, NOISE, UNCLIPPED, NetworkRow
from featsplit.studies.goodfellow2015.tops import Top, fast, seen

BATCH = 500
CERTAIN = 0.5
"""A probability above which something is seen where nothing is."""
Change = Callable[[Tensor, Tensor], Tensor]
"""From inputs (N, C, H, W) and labels (N,) to the inputs that are predicted."""


def mean_row(measure: str, values: Tensor) -> NetworkRow:
    """The mean of `values` (N,) as a row, with its standard error over them."""
    numbers = values.double()
    error = float(numbers.std() / math.sqrt(len(numbers))) if len(numbers) > 1 else math.inf
    return {"measure": measure, "n": len(numbers), "value": float(numbers.mean()), "error": error}


@dataclass(frozen=True)
class TrainAndExamine:
    """Train a `network`, and measure it."""

    place: Place
    network: Network

    def __call__(self, worker: Worker) -> list[NetworkRow]:
        """Its rows: on training images, on test images as they are and changed, and on rubbish."""
        stage, network, began = Stage(worker, self.place), self.network, time.perf_counter()
        model = stage.ensure_trained(network)
        if (seconds := time.perf_counter() - began) > 1:
            stage.tell(f"train {network.name}", began=began, figures=f"{network.recipe.epochs} epochs, {seconds:.0f} s")
        data = stage.data_of(network.size)

        def measure() -> list[NetworkRow]:
            first = about(network, side=data.shape[-1])
            rows = examined(model, data.train, data.test, network.way.top, stage)
            return [
                {**first, **row} for row in [*rows, *(_closely(model, data.test, stage) if network.closely else [])]
            ]

        return stage.ensure_rows(network.stem, [model], {"data": data.digest, "closely": network.closely}, measure)


def about(network: Network, *, side: int | None = None) -> NetworkRow:
    """The fields of a row that say which network it is of."""
    row: NetworkRow = {"experiment": "networks", "train_set": "source", "test_set": "source", "model": network.name}
    architecture = network.architecture if network.given is None else read_metadata(Path(network.given)).arch
    row |= {"training": network.way.name, "architecture": architecture}
    return row | {"side": side} if side else row


def examined(model: Classifier, train: Split, test: Split, top: Top, stage: Stage) -> list[NetworkRow]:
    """Its rows, clean and by the attacks of one step at each eps of the run."""
    trained = predicted(model, train, top)
    rows: list[NetworkRow] = [{**attack_fields("none"), "split": "train", **trained}]
    rows.append({**attack_fields("none"), **predicted(model, test, top)})
    for eps in stage.settings.at():
        for name, change in changes(model, eps, top, seed=stage.seed).items():
            rows.append({**attack_fields(name, eps), **predicted(model, test, top, change)})
    return [*rows, rubbish(model, top, stage)]


def attack_fields(name: str, eps: float | None = None) -> NetworkRow:
    """The fields of a row that say which attack of one step it is under."""
    attack = Attack() if eps is None else Attack("fgsm", "linf", eps)
    return cast(NetworkRow, {**attack.fields(), "attack": name})


def changes(model: Classifier, eps: float, top: Top, *, seed: int) -> dict[str, Change]:
    """The attacks of one step by name, each on all images of a split, in their order."""
    generator = {clip: torch_generator(seed, f"noise/{eps:g}") for clip in (True, False)}

    def by_gradient(clip: bool) -> Change:
        return lambda inputs, labels: fast(model, inputs, labels, eps=eps, clip=clip, top=top)

    def by_chance(clip: bool) -> Change:
        def moved(inputs: Tensor, labels: Tensor) -> Tensor:
            signs = torch.randint(2, inputs.shape, generator=generator[clip]) * 2 - 1
            found = inputs + eps * signs.to(inputs.device)
            return found.clamp(0, 1) if clip else found

        return moved

    return {
        "fgsm": by_gradient(True),
        UNCLIPPED: by_gradient(False),
        NOISE: by_chance(True),
        FREE_NOISE: by_chance(False),
    }


def predicted(model: Classifier, split: Split, top: Top, change: Change | None = None) -> NetworkRow:
    """What `model` predicts of the images of `split`, each as `change` has it, as a row."""
    network, device = frozen(model), model.mean.device
    right, confidence = list[Tensor](), list[Tensor]()
    for rows in batches(len(split), BATCH):
        inputs, labels = split.inputs(rows).to(device), split.labels[rows].to(device)
        found = seen(network, change(inputs, labels) if change else inputs, top)
        right.append((found.predicted == labels).cpu())
        confidence.append(found.confidence.cpu())
    return outcome_row(torch.cat(right), torch.cat(confidence), split)


def outcome_row(right: Tensor, confidence: Tensor, split: Split) -> NetworkRow:
    """The row of which predictions were `right`, (N,) bool, and their `confidence` (N,)."""
    wrong, of_all = confidence[~right], mean_row("", confidence)
    row: NetworkRow = {"n": len(right), "accuracy": float(right.float().mean()), "outcomes": packed(right)}
    row |= {"images": images_of(split.images), "certainty": of_all["value"], "certainty_error": of_all["error"]}
    of_wrong = mean_row("", wrong) if len(wrong) > 1 else None
    row |= {"confidence_error": of_wrong["error"] if of_wrong else None}
    return row | {"confidence": float(wrong.mean()) if len(wrong) else None}


def rubbish(model: Classifier, top: Top, stage: Stage) -> NetworkRow:
    """Gaussian noise of mean 0 and variance 1: "accuracy" is the share of which no class is thought likely."""
    count, shape = stage.settings.rubbish, model.shape
    inputs = torch.randn((count, *shape), generator=torch_generator(stage.seed, "rubbish"))
    confidence = seen(model, inputs.to(model.mean.device), top).confidence.cpu()
    fields = attack_fields("rubbish")
    return {
        **fields,
        **outcome_row(confidence <= CERTAIN, confidence, Split(inputs, torch.zeros(count))),
        "images": f"rubbish {shape}",
    }


def _closely(model: Classifier, test: Split, stage: Stage) -> Sequence[NetworkRow]:
    """PGD on all test images, and the nearest adversarial images of some."""
    own, eps = stage.settings.adversarial, stage.settings.eps
    machine = stage.worker.machine.exact
    found: list[NetworkRow] = []
    some = test.take(torch.arange(min(own.images, len(test))))
    nearest = MinimumNorm("closest", "linf", own.nearest_steps)
    for split, attack in ((test, Attack("pgd", "linf", eps, own.steps)), (some, nearest)):
        for row in evaluate(model, split, [attack], seed=stage.seed, machine=machine, title=f"seed {stage.seed}"):
            found.append(cast(NetworkRow, {**row, "images": images_of(split.images)}))
    return found
