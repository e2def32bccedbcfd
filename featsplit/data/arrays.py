"""Images in one .npz file: x_train, y_train, x_test, y_test, and where wanted `classes`, the class names.

Images are (N, H, W), (N, H, W, C) or (N, C, H, W) with one or three channels, uint8 or floating point in [0, 1].
Nothing in the file is ever unpickled.
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
from featsplit.errors import FeatsplitError
from featsplit.files import expanded

KEYS = ("x_train", "y_train", "x_test", "y_test")
ROOM, MOST = 2**28, 100
"""Up to how many bytes a file may unpack to whatever it is; and how many times its size it may beyond that."""
Arrays = dict[str, NDArray[Any]]


def load_npz(source: str) -> ImageData:
    """The data set in the file that `source` = "npz:PATH" names; FeatsplitError where it does not fit."""
    place = f'data.source = "{source}"'
    arrays = _read(expanded(source.removeprefix("npz:")), place)
    train, test = (
        Split(_images(arrays[f"x_{part}"], f"{place}: x_{part}"), _labels(arrays[f"y_{part}"], f"{place}: y_{part}"))
        for part in ("train", "test")
    )
    return ImageData(source, _class_names(arrays, train, place), train, test)


def _read(path: Path, place: str) -> Arrays:
    if not path.is_file():
        raise FeatsplitError(f"{place}: there is no such file; give the path of a .npz file")
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            missing, found = [key for key in KEYS if key not in file.files], ", ".join(file.files) or "nothing"
            if missing:
                needs = f"it holds {found}, and needs {', '.join(KEYS)}"
                raise FeatsplitError(f"{place}: has no {', '.join(missing)}; {needs}")
            _check_sizes(file.zip, place)
            return {key: _member(file, key, place) for key in file.files if key in (*KEYS, "classes")}
    except (ValueError, OSError, EOFError, TypeError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error):
        raise FeatsplitError(f"{place}: is not a readable .npz file; write it with numpy.savez") from None


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


def _images(array: NDArray[Any], place: str) -> Tensor:
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
        raise FeatsplitError(f"{place} has shape {array.shape}; labels must be (N,) or (N, 1), not one-hot")
    return torch.from_numpy(array.astype(np.int64))


def _class_names(arrays: Arrays, train: Split, place: str) -> tuple[str, ...]:
    if "classes" in arrays:
        try:
            names = tuple(str(name) for name in arrays["classes"].ravel().astype(str))
        except UnicodeDecodeError as error:
            raise FeatsplitError(f"{place}: classes holds bytes that are no ASCII; save it as text") from error
        if len(set(names)) < len(names):
            raise FeatsplitError(f"{place}: classes repeats a name; give each class its own")
        return names
    largest = int(train.labels.max()) if len(train) else 0
    if largest >= max(len(train), 2):
        raise FeatsplitError(
            f"{place}: label {largest} with {len(train)} train images; labels must be 0, 1, ..., K - 1"
        )
    return tuple(str(label) for label in range(largest + 1))
