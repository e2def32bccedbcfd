"""Data sets of Hugging Face, written by `datasets` itself."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from featsplit.data.images import ImageData
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError
from tests.data.pictures import pixels

NAMES = ["cat", "dog"]
Array = NDArray[np.uint8]


def arrays(count: int, *shape: int, seed: int = 0) -> list[Array]:
    return [pixels(*shape, seed=100 * seed + number) for number in range(count)]


def table(images: Sequence[Array], labels: Sequence[int | None], names: Sequence[str] = NAMES, **more: Any) -> Any:
    """A Dataset of encoded images (PNG) with labels that have names, and `more` columns."""
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=list(names))})
    content = {"image": [Image.fromarray(image) for image in images], "label": list(labels)}
    found = datasets.Dataset.from_dict(content, features=features)
    for name, column in more.items():
        found = found.add_column(name, column)
    return found


def both(train: Any, test: Any, **more: Any) -> Any:
    return datasets.DatasetDict({"train": train, "test": test, **more})


def grey(seed: int = 0, count: int = 6) -> Any:
    """Six grey images of two classes, 6 wide and 5 high."""
    return table(arrays(count, 5, 6, seed=seed), [row % 2 for row in range(count)])


def saved(folder: Path, dataset: Any) -> str:
    """The source that `dataset` is, in `folder`, as save_to_disk writes it."""
    dataset.save_to_disk(str(folder))
    return f"hf:{folder}"


def load(source: str, **kept: Any) -> ImageData:
    return load_data(DataSpec(source, **kept))


def refused(source: str, **kept: Any) -> str:
    with pytest.raises(FeatsplitError) as error:
        load(source, **kept)
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix(f'data.source = "{source}": ')


def holds(data: ImageData, train: Any, test: Any, column: str = "image") -> None:
    """The data are what `datasets` itself decodes, in order."""
    for split, own in ((data.train, train), (data.test, test)):
        assert split.labels.tolist() == own["label"][:]
        for image, cell in zip(split.images, own[column], strict=True):
            expected = np.asarray(cell)
            expected = expected[None] if expected.ndim == 2 else expected.transpose(2, 0, 1)
            assert np.array_equal(image.numpy(), expected)
