"""Grids of images, as PNG: lines of any images, a sheet of a data set; source, start and result of a derived set."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from featsplit.data.dataset import DerivedDataset, open_dataset
from featsplit.data.images import ImageData, Split
from featsplit.errors import FeatsplitError
from featsplit.files import replacing
from featsplit.randomness import torch_generator
from featsplit.report.sources import short

CLASSES = 30
"""Up to how many classes a sheet has a line each."""


class Line(NamedTuple):
    """One line of a grid: its name, and for each example an image (C, H, W) in [0, 1] with its title."""

    name: str
    images: list[Tensor]
    titles: list[str]


def draw_grid(path: Path, out: Path, *, source: ImageData, count: int = 8) -> int:
    """Draw `count` examples of the derived set at `path`, spread over it, as a PNG at `out`; return how many.

    `source` is the data that the set was made of; raises FeatsplitError where it is not.
    """
    derived = open_dataset(path)
    spec = derived.metadata.spec
    if source.digest != spec.source_digest:
        raise FeatsplitError(f'{path}: was made of "{spec.source_name}" as it then was, not of this data')
    picked = torch.linspace(0, len(derived) - 1, min(count, len(derived))).long()
    draw_lines(out, panels(derived, source, picked))
    return len(picked)


def draw_sheet(out: Path, data: ImageData, *, split: str = "train", count: int = 8, seed: int = 0) -> list[str]:
    """Draw `count` images of each class of a `split` of `data` as a PNG at `out`; return the classes that are drawn.

    Which images is a matter of `seed` and of the class alone; each has its row above it. Of more classes than
    `CLASSES` as many are drawn, spread over them.
    """
    images = data.train if split == "train" else data.test
    labels = torch.linspace(0, len(data.classes) - 1, min(CLASSES, len(data.classes))).long().tolist()
    lines = [_line_of_class(images, label, data.classes[label], count=count, seed=seed) for label in labels]
    draw_lines(out, lines)
    return [data.classes[label] for label in labels]


def _line_of_class(images: Split, label: int, name: str, *, count: int, seed: int) -> Line:
    rows = (images.labels == label).nonzero()[:, 0]
    drawn = rows[torch.randperm(len(rows), generator=torch_generator(seed, f"sheet/{label}"))][:count].sort().values
    return Line(short(name, 16), list(images.inputs(drawn)), [f"{row}" for row in drawn.tolist()])


def draw_lines(out: Path, lines: Sequence[Line]) -> None:
    """Draw `lines` of images, one below the other, as a PNG at `out`."""
    from matplotlib.figure import Figure

    most = max(1, *(len(line.images) for line in lines))
    width, height = 1.3 * most, 1.5 * len(lines)  # inches: an image is 1.2 x 1.2, its title above
    figure = Figure(figsize=(width + 0.4, height + 0.1))
    panel = figure.add_axes((0.3 / (width + 0.4), 0, width / (width + 0.4), height / (height + 0.1)))
    panel.set_axis_off()
    for row, line in enumerate(lines):
        bottom = height - 1.5 * (row + 1) + 0.05
        panel.text(-0.1, bottom + 0.6, line.name, fontsize=10, ha="center", va="center", rotation=90, parse_math=False)
        for column, (image, title) in enumerate(zip(line.images, line.titles, strict=True)):
            place = (1.3 * column + 0.05, 1.3 * column + 1.25, bottom, bottom + 1.2)
            panel.imshow(_pixels(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest", extent=place)
            panel.text(
                1.3 * column + 0.65, bottom + 1.25, title, fontsize=8, ha="center", va="bottom", parse_math=False
            )
    panel.set(xlim=(0, width), ylim=(0, height))
    with replacing(out) as partial:
        figure.savefig(partial, format="png", dpi=110)


def panels(derived: DerivedDataset, source: ImageData, picked: Tensor) -> list[Line]:
    """The lines of a grid of the examples `picked`.

    Matching: source, start (unless it was noise) and result. Perturbing: source, result, and their difference magnified
    so that its largest value spans the range, about mid-grey; so for adversarial images, with their distance.
    Mislabelled: source and result, which are the same.
    """
    columns, classes = derived.columns, source.classes
    base = source.train if derived.metadata.spec.split == "train" else source.test
    originals = list(base.inputs(columns["source_index"][picked]))
    results = [derived[int(row)][0] for row in picked]
    lines = [Line("source", originals, [classes[label] for label in columns["source_label"][picked]])]
    if "success" in columns:
        return [*lines, *_adversarial(derived, originals, results, picked, classes)]
    if "target" in columns:
        magnified, largest = _changes(originals, results)
        lines.append(Line("result", results, [f"labelled {classes[label]}" for label in columns["labels"][picked]]))
        return [*lines, Line("change, magnified", magnified, [f"max {size:.2f}" for size in largest])]
    if "start_index" not in columns:
        return [*lines, Line("kept", results, [f"labelled {classes[label]}" for label in columns["labels"][picked]])]
    starts = columns["start_index"][picked]
    if int(starts.min()) >= 0:
        titles = [classes[label] for label in source.train.labels[starts]]
        lines.append(Line("start", list(source.train.inputs(starts)), titles))
    spans = zip(columns["start_distance"][picked].tolist(), columns["distance"][picked].tolist(), strict=True)
    return [*lines, Line("result", results, [f"distance {far:.1f} to {near:.2g}" for far, near in spans])]


def _adversarial(
    derived: DerivedDataset, originals: list[Tensor], results: list[Tensor], picked: Tensor, classes: tuple[str, ...]
) -> list[Line]:
    """What the network predicts of each adversarial image, and how it was changed; where none was found, that."""
    columns, norm = derived.columns, derived.metadata.spec.parameters.get("norm")
    found, predicted = columns["success"][picked].tolist(), columns["prediction"][picked].tolist()
    magnified, _ = _changes(originals, results)
    titles = [f"as {classes[label]}" if one else "none found" for one, label in zip(found, predicted, strict=True)]
    far = [f"{norm} {distance:.3g}" for distance in columns["distance"][picked].tolist()]
    return [Line("adversarial", results, titles), Line("change, magnified", magnified, far)]


def _changes(originals: list[Tensor], results: list[Tensor]) -> tuple[list[Tensor], list[float]]:
    """The change of each image, magnified so that its largest value spans the range about mid-grey; and that value."""
    changes = [result - original for result, original in zip(results, originals, strict=True)]
    largest = [float(change.abs().max()) for change in changes]
    return [0.5 + change / (2 * max(size, 1e-6)) for change, size in zip(changes, largest, strict=True)], largest


def _pixels(image: Tensor) -> np.ndarray:
    """(C, H, W) as matplotlib takes it: (H, W) grey or (H, W, 3)."""
    array: np.ndarray = image.numpy().transpose(1, 2, 0)
    return array[:, :, 0] if array.shape[2] == 1 else array
