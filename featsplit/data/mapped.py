"""Images that do not fit in memory: one plain file of pixels, written once and then mapped, a page read when needed.

Rows are appended to a partial file, which is renamed into place when it is whole: a write that was killed goes on where
it stopped, and of two processes one writes and the other waits.
"""

import math
import shutil
import warnings
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from featsplit.errors import FeatsplitError
from featsplit.files import writing
from featsplit.progress import progress

ROWS = 64  # images written at a time: 10 MB of 224 x 224
Shape = tuple[int, ...]


class Mapped(Tensor):
    """A tensor that lies in a file and is read as it is asked for; what is taken out of it is a tensor like any other.

    Pickled, it is the name of its file. It must not be written to.
    """

    place: tuple[Path, Shape, str]
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return open_mapped, self.place


def mapped(
    path: Path, shape: Shape, dtype: str, read: Callable[[slice], NDArray[Any]], *, title: str, cure: str
) -> Mapped:
    """Images (N, ...) of `shape` and numpy's `dtype` in the file at `path`, written there first if it is absent.

    `read(rows)` gives those that are to be written, in order and a few at a time. Raises FeatsplitError where the disk
    has no room for them (`cure` says what to do), or the file is not of their size.
    """
    if not path.exists():
        _write(path, shape, dtype, read, title=title, cure=cure)
    if path.stat().st_size != _size(shape, dtype):
        raise FeatsplitError(f"{path}: is not of the size that was written; delete it, and it is made again")
    return open_mapped(path, shape, dtype)


def open_mapped(path: Path, shape: Shape, dtype: str) -> Mapped:
    """The images of `shape` and numpy's `dtype` in the file at `path`, which `mapped` has written."""
    array = np.memmap(path, dtype=dtype, mode="r", shape=shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that torch might write to memory that is read-only
        tensor = torch.from_numpy(array).as_subclass(Mapped)
    tensor.place = (path, shape, dtype)
    return tensor


def _write(
    path: Path, shape: Shape, dtype: str, read: Callable[[slice], NDArray[Any]], *, title: str, cure: str
) -> None:
    partial, row = path.with_name(f".{path.name}.partial"), _size(shape[1:], dtype)
    with writing(path), partial.open("ab") as file:
        _wait_for_others(file)
        if path.exists():
            partial.unlink(missing_ok=True)
            return
        done = file.seek(0, 2) // row
        file.truncate(done * row)
        _check_room(path, (shape[0] - done) * row, cure)
        parts = [slice(first, min(first + ROWS, shape[0])) for first in range(done, shape[0], ROWS)]
        try:
            for rows in progress(parts, title, done=done // ROWS):
                file.write(np.ascontiguousarray(read(rows), dtype=dtype).data)
        except FeatsplitError:
            partial.unlink()
            raise
        file.flush()
        partial.replace(path)


def _wait_for_others(file: BinaryIO) -> None:
    """Go on when no other process writes this file (where the system has such locks); a killed one no longer does."""
    with suppress(ImportError):
        lock: Any = import_module("fcntl")
        lock.flock(file, lock.LOCK_EX)


def _check_room(path: Path, needed: int, cure: str) -> None:
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise FeatsplitError(f"{path}: needs {needed / 2**30:.1f} GiB, and {free / 2**30:.1f} are free there; {cure}")


def _size(shape: Shape, dtype: str) -> int:
    return math.prod(shape) * np.dtype(dtype).itemsize
