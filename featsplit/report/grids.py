"""Image grids of a derived set: source, start and result side by side, with labels and targets."""

from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from featsplit.data.derived import open_dataset
from featsplit.data.images import ImageData, as_inputs
from featsplit.errors import FeatsplitError
from featsplit.files import replacing


def draw_grid(path: Path, out: Path, *, source: ImageData, count: int = 8) -> None:
    """Draw `count` examples of the derived set at `path`, spread over it, as a PNG at `out`; one column an example.

    Matching: source, start and result. Perturbing: source, result, and their difference magnified so that its largest
    value spans the range, about mid-grey. `source` is the data that the set was made of.
    """
    derived = open_dataset(path)
    if source.digest != derived.spec["source_digest"]:
        raise FeatsplitError(f'{path}: was made of "{derived.spec["source_name"]}" as it then was, not of this data')
    picked = torch.linspace(0, len(derived) - 1, min(count, len(derived))).long()
    lines = _lines(derived.spec["split"], source, picked, derived.columns, [derived[int(row)][0] for row in picked])
    figure = Figure(figsize=(1 + 1.3 * len(picked), 0.5 + 1.55 * len(lines)), layout="constrained")
    axes = figure.subplots(len(lines), len(picked), squeeze=False)
    for line, (name, images, titles) in enumerate(lines):
        for column, (image, title) in enumerate(zip(images, titles, strict=True)):
            panel = axes[line][column]
            panel.imshow(_pixels(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            panel.set(xticks=[], yticks=[])
            panel.set_title(title, fontsize=8)
        axes[line][0].set_ylabel(name, fontsize=10)
    with replacing(out) as partial:
        figure.savefig(partial, format="png", dpi=110)


Line = tuple[str, list[Tensor], list[str]]


def _lines(
    split: str, source: ImageData, picked: Tensor, columns: dict[str, Tensor], results: list[Tensor]
) -> list[Line]:
    base = source.train if split == "train" else source.test
    originals = [as_inputs(base.images[columns["source_index"][row]]) for row in picked]

    def named(name: str) -> list[str]:
        return [source.classes[int(columns[name][row])] for row in picked]

    lines: list[Line] = [("source", originals, named("source_label"))]
    if "target" in columns:
        lines.append(("result", results, [f"labelled {name}" for name in named("labels")]))
        changes = [result - original for result, original in zip(results, originals, strict=True)]
        lines.append(
            ("change, magnified", [_magnified(c) for c in changes], [f"max {c.abs().max():.2f}" for c in changes])
        )
        return lines
    starts = columns["start_index"][picked]
    if int(starts.min()) >= 0:
        images = [as_inputs(source.train.images[index]) for index in starts]
        lines.append(("start", images, [source.classes[int(source.train.labels[index])] for index in starts]))
    far, near = columns["start_distance"][picked], columns["distance"][picked]
    titles = [f"distance {a:.1f} to {b:.2g}" for a, b in zip(far.tolist(), near.tolist(), strict=True)]
    return [*lines, ("result", results, titles)]


def _magnified(change: Tensor) -> Tensor:
    return 0.5 + change / (2 * change.abs().max().clamp_min(1e-6))


def _pixels(image: Tensor) -> np.ndarray:
    """(C, H, W) as matplotlib takes it: (H, W) grey or (H, W, 3)."""
    array: np.ndarray = image.numpy().transpose(1, 2, 0)
    return array[:, :, 0] if array.shape[2] == 1 else array
