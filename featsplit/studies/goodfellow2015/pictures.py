"""Pictures of the fast method: images, the change, and what a network says of both."""

from dataclasses import dataclass
from pathlib import Path

import torch

from featsplit.engine.jobs import Worker
from featsplit.report.grids import Line, draw_lines
from featsplit.runtime import frozen
from featsplit.studies.goodfellow2015.networks import Network, adversarial, networks, plain, rbf, softmax
from featsplit.studies.goodfellow2015.place import Place, Stage
from featsplit.studies.goodfellow2015.rows import NetworkRow
from featsplit.studies.goodfellow2015.settings import Settings
from featsplit.studies.goodfellow2015.tops import fast, probabilities

COUNT = 8
"""Images in a picture."""


def shown(settings: Settings) -> list[Network]:
    """The networks that are in the picture."""
    there = networks(settings)
    return [one for one in (softmax(settings), plain(settings), adversarial(settings), rbf(settings)) if one in there]


def picture(seed: int) -> str:
    """Where the picture of `seed` lies in the folder of the run."""
    return f"seed{seed}/fast.png"


@dataclass(frozen=True)
class Draw:
    """A picture of the first test images of each class, and of each network's examples of them, in [0, 1]."""

    place: Place

    def __call__(self, worker: Worker) -> list[NetworkRow]:
        """Draws it; gives no rows."""
        stage = Stage(worker, self.place)
        path: Path = worker.folder / picture(self.place.seed)
        draw_lines(path, _lines(stage))
        return []


def _lines(stage: Stage) -> list[Line]:
    test, classes, eps = stage.data.test, stage.data.classes, stage.settings.eps
    rows = torch.stack([(test.labels == label).nonzero()[0, 0] for label in range(min(COUNT, len(classes)))])
    inputs, labels = test.inputs(rows), test.labels[rows]
    lines = [Line("image", list(inputs), [classes[label] for label in labels])]
    for network in shown(stage.settings):
        model, top = frozen(stage.network(network)), network.way.top
        moved = fast(model, inputs, labels, eps=eps, clip=True, top=top)
        with torch.no_grad():
            confidence, predicted = probabilities(model(moved), top).max(dim=1)
        titles = [f"{classes[one]}, {share:.0%}" for one, share in zip(predicted, confidence.tolist(), strict=True)]
        if len(lines) == 1:
            changes = fast(model, inputs, labels, eps=eps, clip=False, top=top) - inputs
            lines.append(Line("the change", list(0.5 + changes), [f"linf {eps:g}"] * len(rows)))
        lines.append(Line(network.name, list(moved), titles))
    return lines
