"""Images in folders: PATH/train and PATH/test (or PATH/val), one folder a class, any common image format.

Two passes: the headers tell sizes, and whether all is grey; then each image is decoded into its row of one tensor.
"""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from featsplit.data.images import ImageData, Split
from featsplit.data.selection import resized
from featsplit.errors import FeatsplitError

EXTENSIONS = frozenset(
    [".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"]
)
GREY_MODES = frozenset(["1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "I;16N"])
Unreadable = (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning)


class Entry(NamedTuple):
    """One image file, its label, and what its header says."""

    path: Path
    label: int
    grey: bool
    size: tuple[int, int]


def load_folder(source: str, *, resize: int | None = None) -> ImageData:
    """The data set in the folders that `source` = "folder:PATH" names, uint8, grey where every image is.

    Images become `resize` x `resize` pixels; without it all must share one size. Raises FeatsplitError where a folder
    is missing, empty or does not match, and for a file that cannot be read.
    """
    place = f'data.source = "{source}"'
    train, test = _split_folders(Path(source.removeprefix("folder:")).expanduser(), place)
    classes = _class_names(train, place)
    _check_same_classes(classes, test, place)
    entries = [_entries(folder, classes, place) for folder in (train, test)]
    grey = all(entry.grey for entry in chain(*entries))
    if resize is None:
        _check_one_size(list(chain(*entries)), train.parent, place)
    first, second = (_split(part, grey=grey, resize=resize, place=place) for part in entries)
    return ImageData(source, classes, first, second)


def _split_folders(path: Path, place: str) -> tuple[Path, Path]:
    if not path.is_dir():
        raise FeatsplitError(f"{place}: there is no such folder; give one that holds train/ and test/ (or val/)")
    test = path / "test" if (path / "test").is_dir() else path / "val"
    if not (path / "train").is_dir() or not test.is_dir():
        missing = "train/" if test.is_dir() else "test/ or val/"
        raise FeatsplitError(f"{place}: has no {missing}; it must hold train/ and test/ (or val/), one folder a class")
    return path / "train", test


def _class_names(folder: Path, place: str) -> tuple[str, ...]:
    names = tuple(sorted(f.name for f in folder.iterdir() if f.is_dir() and not f.name.startswith(".")))
    if not names:
        raise FeatsplitError(f"{place}: {folder.name}/ has no class folders; put the images of each class in its own")
    if len(names) < 2:
        raise FeatsplitError(f"{place}: {folder.name}/ has 1 class, {names[0]}; a classifier needs at least 2")
    return names


def _check_same_classes(classes: tuple[str, ...], test: Path, place: str) -> None:
    found = _class_names(test, place)
    for names, others, part in ((classes, found, f"{test.name}/"), (found, classes, "train/")):
        missing = [name for name in names if name not in others]
        if missing:
            raise FeatsplitError(f"{place}: {part} has no {', '.join(missing)}; both splits must have the same classes")


def _entries(folder: Path, classes: Sequence[str], place: str) -> list[Entry]:
    entries: list[Entry] = []
    for label, name in enumerate(classes):
        files = sorted(f for f in (folder / name).rglob("*") if f.suffix.lower() in EXTENSIONS and f.name[0] != ".")
        if not files:
            raise FeatsplitError(f"{place}: {folder.name}/{name}/ has no images; add some, or remove the class")
        entries += [_entry(file, label, place) for file in files]
    return entries


def _entry(path: Path, label: int, place: str) -> Entry:
    try:
        with Image.open(path) as image:
            return Entry(path, label, image.mode in GREY_MODES, image.size)
    except Unreadable:
        raise unreadable(path, place) from None


def _check_one_size(entries: Sequence[Entry], folder: Path, place: str) -> None:
    first = entries[0]
    other = next((entry for entry in entries if entry.size != first.size), None)
    if other is None:
        return
    one, two = (f"{e.path.relative_to(folder)} is {e.size[0]} x {e.size[1]}" for e in (first, other))
    raise FeatsplitError(f"{place}: {one} but {two} pixels; all must share one size: give --resize N")


def _split(entries: Sequence[Entry], *, grey: bool, resize: int | None, place: str) -> Split:
    width, height = (resize, resize) if resize else entries[0].size
    images = torch.empty((len(entries), 1 if grey else 3, height, width), dtype=torch.uint8)
    for row, entry in enumerate(entries):
        image = _pixels(entry.path, grey=grey, place=place)[None]
        images[row] = (resized(image, resize) if resize else image)[0]
    return Split(images, torch.tensor([entry.label for entry in entries]))


def _pixels(path: Path, *, grey: bool, place: str) -> Tensor:
    """One image, (C, H, W) uint8."""
    try:
        with Image.open(path) as image:
            array = np.asarray(eight_bits(image).convert("L" if grey else "RGB"))
    except Unreadable:
        raise unreadable(path, place) from None
    return torch.from_numpy(array.copy() if grey else array.transpose(2, 0, 1).copy()).view(-1, *array.shape[:2])


def eight_bits(image: Image.Image) -> Image.Image:
    """The image in a mode that converts to L and RGB as it looks: 16 bits scaled to 8, palettes resolved."""
    if image.mode == "F":
        raise ValueError("floating-point pixels have no agreed white")
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image).astype(np.int64).clip(0, 65535) / 257).round().astype(np.uint8))
    return image.convert("RGBA") if image.mode in ("P", "PA") else image


def unreadable(path: Path, place: str) -> FeatsplitError:
    return FeatsplitError(f"{place}: {path} cannot be read as an 8- or 16-bit image; repair it or remove it")
