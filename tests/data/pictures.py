"""Folders of images, as a user has them."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from featsplit.data.images import ImageData
from featsplit.data.sources import DataSpec, load_data


def pixels(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(path: Path, array: NDArray[Any], mode: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path)
    return path


def load(root: Path, resize: int | None = None) -> ImageData:
    return load_data(DataSpec(f"folder:{root}", resize=resize))
