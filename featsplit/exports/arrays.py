"""One .npz file with every column: numpy alone reads it, and with both splits featsplit itself (npz:FILE).

Written a few rows at a time, as `numpy.savez` would write it whole.
"""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray
from torch import Tensor

from featsplit.data.images import ImageData, Split
from featsplit.errors import FeatsplitError
from featsplit.exports.public import public_metadata
from featsplit.exports.rows import Stored
from featsplit.exports.written import File, Snippet, Written, literal, snippet
from featsplit.metadata.sets import NOT_TOLD
from featsplit.progress import progress

ROWS = 256  # images of the other split that are copied at a time


def write_npz(stored: Stored, path: Path, name: str, *, other: Split | None = None) -> Written:
    """Write x_SPLIT, y_SPLIT, every other column, `classes` and `metadata` (JSON) to `path`; `name` is its own name.

    SPLIT is train or test, as the set was made of; the images and labels of the `other` one are there too, if given.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for column in progress(("images", *stored.others), f"export {name}"):
            key = {"images": f"x_{stored.split}", "labels": f"y_{stored.split}"}.get(column, column)
            _write_column(archive, key, stored, column)
        if other is not None:
            part = "test" if stored.split == "train" else "train"
            _write_tensor(archive, f"x_{part}", other.images)
            _write_tensor(archive, f"y_{part}", other.labels)
        _write_array(archive, "classes", np.array(stored.classes))
        _write_array(archive, "metadata", np.array(json.dumps(public_metadata(stored.metadata))))
    kept = f"the images are kept as they are, {stored.dtype}"
    return Written((File(name, "application/zip"),), kept, loading=(_loading(name, stored.split),))


def other_split(stored: Stored, source: ImageData | None) -> Split:
    """The images of the `source` that the set was not made of.

    Raises FeatsplitError where there is no source, or it is not what the set was made of, or of another shape.
    """
    if source is None:
        raise FeatsplitError("export.other_split: takes the images from source=DATA, which is not given")
    told = stored.metadata.spec.source_digest
    if told not in (source.digest, NOT_TOLD):
        raise FeatsplitError(f'{stored.path}: was made of other data than "{source.name}"; give those as its source')
    other = source.test if stored.split == "train" else source.train
    if tuple(other.images.shape[1:]) != stored.shape:
        raise FeatsplitError(
            f"{stored.path}: images are {stored.shape}, those of its source {tuple(other.images.shape[1:])}; "
            "leave --other-split out"
        )
    return other


def _write_column(archive: zipfile.ZipFile, key: str, stored: Stored, column: str) -> None:
    shape, dtype = stored.metadata.columns[column]
    with _member(archive, key, shape, np.dtype(dtype)) as file:
        for rows in stored.slices():
            file.write(stored.columns(rows, (column,))[column].numpy().tobytes())


def _write_tensor(archive: zipfile.ZipFile, key: str, tensor: Tensor) -> None:
    dtype = np.dtype(str(tensor.dtype).removeprefix("torch."))
    with _member(archive, key, tuple(tensor.shape), dtype) as file:
        for piece in _pieces(tensor):
            file.write(piece.tobytes())


def _pieces(tensor: Tensor) -> Iterator[NDArray[np.generic]]:
    for first in range(0, len(tensor), ROWS):
        yield np.ascontiguousarray(tensor[first : first + ROWS].numpy())


def _write_array(archive: zipfile.ZipFile, key: str, array: NDArray[np.str_]) -> None:
    with archive.open(zipfile.ZipInfo(f"{key}.npy"), "w") as file:
        npy_format.write_array(file, array, allow_pickle=False)


def _member(archive: zipfile.ZipFile, key: str, shape: tuple[int, ...], dtype: "np.dtype[np.generic]") -> IO[bytes]:
    """The member `key` of an .npz, open for the bytes of an array of that shape and type."""
    file = archive.open(zipfile.ZipInfo(f"{key}.npy"), "w", force_zip64=True)
    header = {"descr": npy_format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    npy_format.write_array_header_1_0(file, header)
    return file


def _loading(name: str, split: str) -> Snippet:
    return snippet(
        "numpy",
        "import numpy",
        "",
        f"arrays = numpy.load({literal(name)})",
        f'images, labels = arrays["x_{split}"], arrays["y_{split}"]',
    )
