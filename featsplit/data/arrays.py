"""Images in one .npz file: x_train, y_train, x_test, y_test, and where wanted `classes`, the class names.

Or as the files of MedMNIST have them (doi:10.1038/s41597-022-01721-8): train_images, train_labels, test_images,
test_labels, and val_images, val_labels, which are left out. Images are (N, H, W), (N, H, W, C) or (N, C, H, W) with one
or three channels, uint8 or floating point in [0, 1]. Nothing in the file is ever unpickled.
"""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from featsplit.data.images import ImageData, Split
from featsplit.errors import FeatsplitError, warn
from featsplit.files import expanded

KEYS = ("x_train", "y_train", "x_test", "y_test")
MEDMNIST = ("train_images", "train_labels", "test_images", "test_labels")
CLASSES, VALIDATION = "classes", "val_labels"
ROOM, MOST = 2**28, 100
"""Up to how many bytes a file may unpack to whatever it is; and how many times its size it may beyond that."""
Arrays = dict[str, NDArray[Any]]


def load_npz(source: str, *, holdout: bool = False) -> ImageData:
    """The data set in the file that `source` = "npz:PATH" names; FeatsplitError where it does not fit.

    With `holdout` the file may have no test images, and neither has the data set then: they are cut from the others.
    """
    place = f'data.source = "{source}"'
    arrays = _read(expanded(source.removeprefix("npz:")), place, holdout=holdout)
    x_train, y_train, x_test, y_test = MEDMNIST if MEDMNIST[0] in arrays else KEYS
    train = _split(arrays, x_train, y_train, place)
    test = _split(arrays, x_test, y_test, place) if x_test in arrays else train.take(torch.arange(0))
    data = ImageData(source, _class_names(arrays, train, place), train, test)
    if VALIDATION in arrays and arrays[VALIDATION].ndim:
        warn(f"{source}: its {len(arrays[VALIDATION])} validation images (val_images) are in neither split")
    return data


def numbered_classes(labels: Tensor, place: str) -> tuple[str, ...]:
    """Names for `labels` that have none, 0 to K - 1; FeatsplitError where the greatest could not be one of so many."""
    largest = int(labels.max()) if len(labels) else 0
    if largest >= max(len(labels), 2):
        raise FeatsplitError(
            f"{place}: label {largest} with {len(labels)} train images; labels must be 0, 1, ..., K - 1"
        )
    return tuple(str(label) for label in range(largest + 1))


def _split(arrays: Arrays, images: str, labels: str, place: str) -> Split:
    return Split(pixels_of(arrays[images], f"{place}: {images}"), _labels(arrays[labels], f"{place}: {labels}"))


def _read(path: Path, place: str, *, holdout: bool) -> Arrays:
    if not path.is_file():
        raise FeatsplitError(f"{place}: there is no such file; give the path of a .npz file")
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            keys = _needed(file.files, place, holdout=holdout)
            _check_sizes(file.zip, place)
            more = CLASSES if keys[0] == KEYS[0] else VALIDATION
            return {key: _member(file, key, place) for key in file.files if key in (*keys, more)}
    except (ValueError, OSError, EOFError, TypeError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error):
        raise FeatsplitError(f"{place}: is not a readable .npz file; write it with numpy.savez") from None


def _needed(found: list[str], place: str, *, holdout: bool) -> tuple[str, ...]:
    """The names of the arrays that are read, ours or MedMNIST's; FeatsplitError where one of them is missing."""
    keys = MEDMNIST if set(MEDMNIST) & set(found) and not set(KEYS) & set(found) else KEYS
    missing = [key for key in keys if key not in found]
    if holdout and missing == list(keys[2:]):
        return keys[:2]
    if missing:
        needs = f"it holds {', '.join(found) or 'nothing'}, and needs {', '.join(keys)}"
        cure = "; --holdout 0.2 cuts test images from the others" if missing == list(keys[2:]) else ""
        raise FeatsplitError(f"{place}: has no {', '.join(missing)}; {needs}{cure}")
    return keys


def _check_sizes(archive: zipfile.ZipFile, place: str) -> None:
    """Raise FeatsplitError where the file would unpack to what no images compress to; nothing is unpacked."""
    whole, packed = (
        sum(size) for size in zip(*((i.file_size, i.compress_size) for i in archive.infolist()), strict=True)
    )
    if whole > ROOM and whole > MOST * packed:
        raise FeatsplitError(
            f"{place}: {packed / 2**20:.1f} MiB unpack to {whole / 2**30:.1f} GiB, which images do not; "
            "write it with numpy.savez"
        )


def _member(file: Any, key: str, place: str) -> NDArray[Any]:
    try:
        return np.asarray(file[key])
    except ValueError as error:
        if "Object arrays" not in str(error):
            raise
        raise FeatsplitError(
            f"{place}: {key} holds Python objects, which are never unpickled; save it as a plain numeric array"
        ) from None


def pixels_of(array: NDArray[Any], place: str) -> Tensor:
    """The images in `array` as (N, C, H, W), uint8 or float32; FeatsplitError at `place` for another shape or type."""
    _check_pixel_type(array, place)
    layout = array[..., None] if array.ndim == 3 else array
    if layout.ndim != 4 or (layout.shape[1] not in (1, 3) and layout.shape[3] not in (1, 3)):
        shapes = "(N, H, W), (N, H, W, C) or (N, C, H, W) with 1 or 3 channels"
        raise FeatsplitError(f"{place} has shape {array.shape}; must be {shapes}")
    if layout.shape[3] in (1, 3):
        layout = layout.transpose(0, 3, 1, 2)
    return torch.from_numpy(np.array(layout, dtype=np.uint8 if array.dtype == np.uint8 else np.float32, order="C"))


def _check_pixel_type(array: NDArray[Any], place: str) -> None:
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise FeatsplitError(f'{place} is {array.dtype}; must be uint8, or floating point in [0, 1]: .astype("uint8")')
    if array.dtype.kind != "f" or not array.size:
        return
    low, high = float(np.fmin.reduce(array, axis=None)), float(np.fmax.reduce(array, axis=None))
    if low >= 0 and 2 < high <= 255:
        cure = "divide them by 255, or save them as uint8"
        raise FeatsplitError(f"{place}: pixels span {low:g} to {high:g}; floating point must be in [0, 1]: {cure}")


def _labels(array: NDArray[Any], place: str) -> Tensor:
    if array.dtype.kind not in "iu":
        raise FeatsplitError(f"{place} is {array.dtype}; labels must be integers 0, 1, ...")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        cure = "keep one column, labels[:, :1], or labels.argmax(1) where they are one-hot"
        raise FeatsplitError(f"{place} has shape {array.shape}; labels must be (N,) or (N, 1), one an image: {cure}")
    return torch.from_numpy(array.astype(np.int64))


def _class_names(arrays: Arrays, train: Split, place: str) -> tuple[str, ...]:
    if CLASSES in arrays:
        try:
            names = tuple(str(name) for name in arrays[CLASSES].ravel().astype(str))
        except UnicodeDecodeError as error:
            raise FeatsplitError(f"{place}: classes holds bytes that are no ASCII; save it as text") from error
        if len(set(names)) < len(names):
            raise FeatsplitError(f"{place}: classes repeats a name; give each class its own")
        return names
    return numbered_classes(train.labels, place)
