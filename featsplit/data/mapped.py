"""Images that do not fit in memory: one plain file of pixels, written once and then mapped, a page read when needed.

Rows are appended to a partial file, which is renamed into place when it is whole: a write that was killed goes on where
it stopped. Of several processes, on one host or on several that share the disk, one writes and the others wait.
"""

import math
import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from featsplit.errors import FeatsplitError
from featsplit.files import writing
from featsplit.locks import claim, release
from featsplit.progress import progress

ROWS = 64  # images written at a time: 10 MB of 224 x 224
WHOLE = 2**30
"""More bytes of images are not held in memory but mapped."""
POLL = 0.2  # seconds between two looks at whether another process has done it
Shape = tuple[int, ...]


class Mapped(Tensor):
    """A tensor that lies in a file and is read as it is asked for; what is taken out of it is a tensor like any other.

    Pickled, it is the name of its file. It must not be written to.
    """

    place: tuple[Path, Shape, str, int, int | None]
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


def is_large(shape: Shape, dtype: str) -> bool:
    """Whether images of `shape` and numpy's `dtype` are mapped, and not held in memory."""
    return _size(shape, dtype) > WHOLE


def open_mapped(path: Path, shape: Shape, dtype: str, offset: int = 0, side: int | None = None) -> Mapped:
    """The images of `shape` and numpy's `dtype` that lie in the file at `path` from byte `offset` on.

    With `side` the square of that many pixels in the middle of each, as it lies there.
    """
    array = np.memmap(path, dtype=dtype, mode="r", shape=shape, offset=offset)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that torch might write to memory that is read-only
        whole = torch.from_numpy(array)
    tensor = (whole if side is None else middle(whole, side)).as_subclass(Mapped)
    tensor.place = (path, shape, dtype, offset, side)
    return tensor


def middle_of(images: Mapped, side: int) -> Mapped:
    """The square of `side` pixels in the middle of each of the mapped `images`: mapped too, and nothing is copied."""
    return open_mapped(*images.place[:4], side)


def middle(images: Tensor, side: int) -> Tensor:
    """The square of `side` pixels in the middle of images (..., H, W), a view; where as torchvision's center_crop."""
    top, left = (round((size - side) / 2) for size in images.shape[-2:])
    return images[..., top : top + side, left : left + side]


def _write(
    path: Path, shape: Shape, dtype: str, read: Callable[[slice], NDArray[Any]], *, title: str, cure: str
) -> None:
    partial, row = path.with_name(f".{path.name}.partial"), _size(shape[1:], dtype)
    with writing(path), _alone(path):
        if path.exists():
            partial.unlink(missing_ok=True)
            return
        with partial.open("ab") as file:
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
            os.fsync(file.fileno())
        partial.replace(path)  # closed before: another host sees all of it


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Be the one process, of all hosts that see the folder, that writes `path`: wait for another that does."""
    lock, said = path.with_name(f".{path.name}.lock"), False
    while (owner := claim(lock)) is not None:
        if not said:
            print(f"{path}: waits for {owner}, which writes it (if it is gone: rm {lock})", file=sys.stderr)
            said = True
        time.sleep(POLL)
    try:
        yield
    finally:
        release(lock)


def _check_room(path: Path, needed: int, cure: str) -> None:
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise FeatsplitError(f"{path}: needs {needed / 2**30:.1f} GiB, and {free / 2**30:.1f} are free there; {cure}")


def _size(shape: Shape, dtype: str) -> int:
    return math.prod(shape) * np.dtype(dtype).itemsize
