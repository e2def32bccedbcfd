"""The pictures of a run: the images of units and of random directions, and distorted images."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from featsplit.data.images import Split
from featsplit.engine.jobs import Worker
from featsplit.randomness import normal, torch_generator
from featsplit.report.grids import Line, draw_lines
from featsplit.rows import Row
from featsplit.studies.szegedy2014.attacking import amplified, distorted_file
from featsplit.studies.szegedy2014.convolutional import network
from featsplit.studies.szegedy2014.networks import GROUPS, Network
from featsplit.studies.szegedy2014.stages import Place, Stages, tensors_of
from featsplit.studies.szegedy2014.units.measure import Shown, directions, layer_outputs, looked_at

ROWS, COLUMNS = 4, 8
"""Directions of each kind, and images of each direction or distortion."""


def picture(name: str) -> str:
    """The file of a picture, in the folder of a seed."""
    return f"pictures/{name}.png"


@dataclass(frozen=True)
class DrawUnits:
    """Draw the images of the first units of the representation, and of random directions of it."""

    place: Place

    def __call__(self, worker: Worker) -> Sequence[Row]:
        """No rows: pictures/units.png."""
        stages = Stages(worker, self.place)
        split, model = looked_at(stages), network(stages, "standard")
        values = layer_outputs(model, split)["representation"]
        live = values[:, values.std(dim=0) > 0]
        order = torch.randperm(
            live.shape[1], generator=torch_generator(stages.seed, "szegedy2014/units/representation")
        )
        scores = {
            "unit": live[:, order[:ROWS]],
            "random": live @ directions(live.shape[1], ROWS, seed=stages.seed),
        }
        shown, classes = Shown.of(split), stages.convolutional_data.classes
        lines = [
            _line(f"{kind} {place + 1}", split, rows[:COLUMNS], classes=classes)
            for kind, values_of in scores.items()
            for place, rows in enumerate(shown.of_scores(values_of).rows)
        ]
        draw_lines(stages.folder / picture("units"), lines)
        return []


def _line(name: str, split: Split, rows: Tensor, *, classes: Sequence[str]) -> Line:
    return Line(name, list(split.inputs(rows)), [classes[label] for label in split.labels[rows]])


@dataclass(frozen=True)
class DrawDistorted:
    """Draw distorted images of a `group`: as found, beside noise; of the halves also amplified."""

    place: Place
    group: str

    def __call__(self, worker: Worker) -> Sequence[Row]:
        """No rows: pictures/GROUP.png."""
        stages = Stages(worker, self.place)
        tensors = {one.name: tensors_of(distorted_file(stages.folder, one)) for one in GROUPS[self.group]}
        first = next(iter(tensors.values()))
        classes, count = stages.data.classes, min(COLUMNS, len(first["inputs"]))
        inputs = first["inputs"][:count]
        lines = [Line("image", list(inputs), [classes[label] for label in first["labels"][:count]])]
        for one in GROUPS[self.group]:
            lines += self._lines(stages, one, tensors[one.name], count=count)
        noise = normal(stages.seed, "szegedy2014/pictures", range(count), tuple(inputs.shape[1:]))
        sizes = stages.settings.noise if self.group == "models" else stages.settings.half_noise
        for size in sizes:
            titles = [f"rms {size:g}"] * count
            lines.append(Line("noise", list((inputs + size * noise).clamp(0, 1)), titles))
        draw_lines(stages.folder / picture(self.group), lines)
        return []

    def _lines(self, stages: Stages, one: Network, kept: dict[str, Tensor], *, count: int) -> list[Line]:
        """The images made for a network, with what it is to predict; of the halves amplified."""
        classes, size = stages.data.classes, kept["inputs"][0].numel() ** 0.5
        inputs, distorted = kept["inputs"][:count], kept["distorted"][:count]
        targets, far = kept["targets"][:count].tolist(), (kept["distance"][:count] / size).tolist()
        if self.group == "models":
            titles = [f"as {classes[target]}, {rms:.3f}" for target, rms in zip(targets, far, strict=True)]
            return [Line(one.name, list(distorted), titles)]
        rms = stages.settings.amplified
        stretched = amplified(inputs, distorted, rms).clamp(0, 1)
        return [
            Line(one.name, list(distorted), [f"as {classes[target]}" for target in targets]),
            Line("amplified", list(stretched), [f"rms {rms:g}"] * count),
        ]
