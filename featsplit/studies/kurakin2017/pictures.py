"""The pictures of a run: one image under each method by eps, and pairs before and after a simulated photograph."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from featsplit.data.images import as_inputs
from featsplit.engine.jobs import Job, Worker
from featsplit.evaluation.seen import Seen
from featsplit.models.classifier import Classifier
from featsplit.report.grids import Line, draw_lines
from featsplit.studies.kurakin2017.checks import NAMES
from featsplit.studies.kurakin2017.examples import METHODS, NOISE, example_key, examples
from featsplit.studies.kurakin2017.photographs.camera import photographed
from featsplit.studies.kurakin2017.place import Bench, Place
from featsplit.studies.kurakin2017.rows import KurakinRow

PICTURES = {"methods": "grids/methods.png", "photographs": "grids/photographs.png"}
"""Where the pictures of an experiment lie in the folder of a seed."""
SHOWN = 8
"""How many pairs are shown photographed."""


@dataclass(frozen=True)
class Draw:
    """Draw the pictures of the experiments that are chosen."""

    place: Place

    def __call__(self, worker: Worker) -> list[KurakinRow]:
        """No rows."""
        bench = Bench(worker, self.place)
        for name, lines_of in (("methods", methods), ("photographs", photographs)):
            if name in self.place.settings.experiments:
                out = worker.folder / self.place.key(PICTURES[name])
                out.parent.mkdir(parents=True, exist_ok=True)
                draw_lines(out, lines_of(bench))
        return []


def methods(bench: Bench) -> list[Line]:
    """The surest of the images that are predicted rightly, clean and by each method at every eps of the run."""
    network, test = bench.network(), bench.test
    clean = bench.seen(network, test.images, test.labels)
    (row,) = _surest(clean.right, clean, 1)
    found = []
    for method in (*METHODS, NOISE):
        sizes = sorted(bench.settings.eps)
        images = [test.images[row], *(examples(bench, method, levels)[row] for levels in sizes)]
        titles = _predicted(bench, network, torch.stack(images))
        found.append(
            Line(
                NAMES[method],
                list(as_inputs(torch.stack(images))),
                [f"{one}: {title}" for one, title in zip((0, *sizes), titles, strict=True)],
            )
        )
    return found


def photographs(bench: Bench) -> list[Line]:
    """Pairs that fool, by the basic method at the largest eps of the experiment, and simulated photographs of both."""
    network, test, levels = bench.network(), bench.test, max(bench.settings.photographed)
    adversarial = examples(bench, "basic", levels)
    clean, before = (bench.seen(network, images, test.labels) for images in (test.images, adversarial))
    fooled = clean.right & ~before.right
    rows = (fooled if bool(fooled.any()) else clean.right).nonzero()[:, 0]
    rows = rows[torch.linspace(0, len(rows) - 1, min(SHOWN, len(rows))).long()]
    lines = {"clean": test.images[rows], f"basic {levels}": adversarial[rows]}
    lines |= {f"{name}, photo": photographed(images, seed=bench.seed, indices=rows) for name, images in lines.items()}
    return [Line(name, list(as_inputs(images)), _predicted(bench, network, images)) for name, images in lines.items()]


def _surest(among: Tensor, seen: Seen, count: int) -> list[int]:
    order: Sequence[int] = seen.confidence.where(among, -1.0).argsort(descending=True).tolist()
    return list(order[:count])


def _predicted(bench: Bench, network: Classifier, images: Tensor) -> list[str]:
    """The class that the network predicts of each of `images`, with its probability."""
    names = bench.worker.data(bench.settings.data).classes
    with torch.no_grad():
        chances, labels = network(as_inputs(images).to(bench.device)).softmax(dim=1).max(dim=1)
    return [f"{names[label]} {chance:.2f}" for label, chance in zip(labels.tolist(), chances.tolist(), strict=True)]


def drawing(place: Place) -> list[Job]:
    """The job that draws what is to be drawn."""
    settings, needs = place.settings, [place.key("source")]
    if "methods" in settings.experiments:
        needs += [example_key(place, method, levels) for method in (*METHODS, NOISE) for levels in settings.eps]
    if "photographs" in settings.experiments:
        needs.append(example_key(place, "basic", max(settings.photographed)))
    found = [name for name in PICTURES if name in settings.experiments]
    files = tuple(place.key(PICTURES[name]) for name in found)
    return [Job(place.key("grids"), Draw(place), tuple(needs), files)] if found else []
