"""Examples of a derived set, as the image explorer shows them: a few images, with what networks predict of them.

They lie in a small file beside the picture of the set, so that a page is made again without the data and the networks.
Images are kept to 8 bits, as a screen shows them; what is predicted is of the images as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import Tensor

from featsplit.data.dataset import DerivedDataset, open_dataset
from featsplit.data.images import ImageData
from featsplit.errors import FeatsplitError
from featsplit.files import replacing
from featsplit.models.classifier import Classifier

MOST, BYTES = 200, 2**23
"""Of how many images of a set there are examples, and how many bytes their pixels take at most."""
BATCH = 50


@dataclass(frozen=True, eq=False)
class Examples:
    """Images of a set with their sources, n of them: what is here has n rows.

    Pixels are (n, H, W, C) uint8; there is no `start` (0 rows) where the set was not made from other images. `index` is
    that of the source, `label` its class, `start_label` that of the start (-1: none), `given` the label that the set
    has. `predicted` (n, networks, 3) is what each network predicts of the source, the start and the derived image (-1:
    there is no such image), and `confidence` the probability that it gives to that. `distances` (n, 2) are the file's
    own, at the start and at the end; NaN where there is none.
    """

    source: NDArray[np.uint8]
    start: NDArray[np.uint8]
    derived: NDArray[np.uint8]
    index: NDArray[np.int64]
    label: NDArray[np.int64]
    start_label: NDArray[np.int64]
    given: NDArray[np.int64]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float32]
    distances: NDArray[np.float32]

    def spread(self, count: int) -> "Examples":
        """At most `count` of them, spread over all."""
        rows = spread_over(len(self.index), count).numpy()
        return Examples(**{name: column[rows] if len(column) else column for name, column in vars(self).items()})


def spread_over(total: int, count: int) -> Tensor:
    """At most `count` of the rows 0 ... total - 1, spread over them: the same ones for sets of one size."""
    return torch.linspace(0, total - 1, min(count, total)).long()


def keep_examples(path: Path, out: Path, *, source: ImageData, networks: Sequence[Classifier]) -> None:
    """Keep examples of the set at `path`, made of `source`, with what `networks` predict, in the file `out`."""
    derived = open_dataset(path)
    channels, height, width = source.shape
    rows = spread_over(len(derived), max(1, min(MOST, BYTES // (3 * channels * height * width))))
    write_examples(out, examples_of(derived, rows, source=source, networks=networks))


def write_examples(out: Path, examples: Examples) -> None:
    """Write `examples` to the file `out`."""
    with replacing(out) as partial:
        save_file({name: np.ascontiguousarray(column) for name, column in vars(examples).items()}, partial)


def read_examples(path: Path) -> Examples:
    """The examples at `path`; FeatsplitError where these are none."""
    try:
        return Examples(**load_file(path))
    except (OSError, SafetensorError, TypeError) as error:
        raise FeatsplitError(f"{path}: holds no examples of a set; delete it, and the page is made without") from error


def examples_of(
    derived: DerivedDataset, rows: Tensor, *, source: ImageData, networks: Sequence[Classifier]
) -> Examples:
    """The images of a set at `rows`, with what `networks` predict of them and of what they were made of."""
    columns = {name: column[rows] for name, column in derived.columns.items()}
    base = source.train if derived.metadata.spec.split == "train" else source.test
    starts = columns.get("start_index")
    moments = [
        base.inputs(columns["source_index"]),
        torch.empty(0, *source.shape) if starts is None or int(starts.min()) < 0 else source.train.inputs(starts),
        torch.stack([derived[int(row)][0] for row in rows]),
    ]
    seen = [[_predicted(network, images, len(rows)) for images in moments] for network in networks]
    return Examples(
        _pixels(moments[0]),
        _pixels(moments[1]),
        _pixels(moments[2]),
        columns["source_index"].numpy(),
        columns["source_label"].numpy(),
        source.train.labels[starts].numpy() if len(moments[1]) else np.full(len(rows), -1),
        columns["labels"].numpy(),
        np.stack([[labels for labels, _ in each] for each in seen]).transpose(2, 0, 1),
        np.stack([[chances for _, chances in each] for each in seen]).transpose(2, 0, 1),
        _distances(columns, len(rows)),
    )


def _predicted(network: Classifier, images: Tensor, count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The class that is most probable for each image, and how probable it is; -1 and 0 where there are no images."""
    if not len(images):
        return np.full(count, -1), np.zeros(count, np.float32)
    with torch.no_grad():
        chances = [network(batch.to(network.mean.device)).softmax(dim=1).cpu() for batch in torch.split(images, BATCH)]
    highest, labels = torch.cat(chances).max(dim=1)
    return labels.numpy(), highest.numpy()


def _pixels(images: Tensor) -> NDArray[np.uint8]:
    """Images (n, C, H, W) in [0, 1] to 8 bits, as (n, H, W, C)."""
    pixels: NDArray[np.uint8] = (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return pixels


def _distances(columns: dict[str, Tensor], count: int) -> NDArray[np.float32]:
    """The distance at the start and at the end, or the length of the perturbation alone, where the file has them."""
    nothing = torch.full((count,), torch.nan)
    end = columns.get("distance", columns.get("perturbation", nothing))
    return torch.stack([columns.get("start_distance", nothing), end], dim=1).numpy()
