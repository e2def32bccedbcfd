"""A derived set as it is read to be exported: checked once, then a few rows in memory at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from featsplit.data.derived import check_column, read_columns
from featsplit.data.shards import Columns
from featsplit.errors import FeatsplitError
from featsplit.metadata.sets import SetMetadata, read_set_metadata
from featsplit.progress import progress

BYTES, ROWS = 2**24, 1024
"""Of images that are read at a time, and rows at most; always a multiple of the 64 rows of a chunk."""
ITEMSIZE = {"float32": 4, "float16": 2, "uint8": 1}
"""Bytes of a value, by the types that images have."""
SplitName = Literal["train", "test"]


@dataclass(frozen=True)
class Stored:
    """The derived set at `path`, of this `metadata`; every label is one of its `classes`."""

    path: Path
    metadata: SetMetadata
    classes: tuple[str, ...]

    @property
    def total(self) -> int:
        """How many images there are."""
        return self.metadata.columns["images"][0][0]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        _, channels, height, width = self.metadata.columns["images"][0]
        return channels, height, width

    @property
    def dtype(self) -> str:
        """Of the images, as numpy calls it."""
        return self.metadata.columns["images"][1]

    @property
    def split(self) -> SplitName:
        """Which images of its source it was made of."""
        return "test" if self.metadata.spec.split == "test" else "train"

    @property
    def others(self) -> tuple[str, ...]:
        """Every column but the images, the labels first."""
        return ("labels", *(name for name in self.metadata.columns if name not in ("images", "labels")))

    def columns(self, rows: slice, names: tuple[str, ...] | None = None) -> Columns:
        """The columns `names` (None: all) of some rows, which must be few."""
        return read_columns(self.path, [*(names or self.metadata.columns)], rows)

    def slices(self, first: int = 0, last: int | None = None) -> list[slice]:
        """The rows from `first` to `last`, as many at a time as are read into memory."""
        bytes_of_all = self._bytes_of_images()
        size = 64 * max(1, min(ROWS, BYTES * self.total // max(bytes_of_all, 1)) // 64)
        end = self.total if last is None else last
        return [slice(row, min(row + size, end)) for row in range(first, end, size)]

    def pieces(self, out: Path) -> Iterator[tuple[int, Columns]]:
        """All columns of all rows, some at a time, each with the number of its first; says how far `out` is."""
        for rows in progress(self.slices(), f"export {out.name}"):
            yield rows.start, self.columns(rows)

    def _bytes_of_images(self) -> int:
        channels, height, width = self.shape
        return self.total * channels * height * width * ITEMSIZE[self.dtype]


def open_stored(path: Path) -> Stored:
    """The derived set at `path`, each of whose columns is what was written.

    Raises FeatsplitError where it is no derived set or is damaged, or has a label that is of none of its classes.
    """
    metadata = read_set_metadata(path)
    _check_columns(path, metadata)
    for name in metadata.columns:
        check_column(path, name)
    labels = read_columns(path, ["labels"], slice(0, None))["labels"]
    classes = metadata.spec.classes or tuple(map(str, range(int(labels.max()) + 1)))
    _check_classes(path, classes)
    if int(labels.min()) < 0 or int(labels.max()) >= len(classes):
        raise FeatsplitError(
            f"{path}: labels span {int(labels.min())} to {int(labels.max())}; must be in 0 ... {len(classes) - 1}"
        )
    return Stored(path, metadata, classes)


def _check_columns(path: Path, metadata: SetMetadata) -> None:
    """Raise FeatsplitError unless there are images, of a type that we write, and a number of each in every column."""
    shape, dtype = metadata.columns["images"]
    if len(shape) != 4 or not all(shape) or dtype not in ITEMSIZE:
        rule = f"must be (N, C, H, W), and some, of {', '.join(ITEMSIZE)}"
        raise FeatsplitError(f'{path}: column "images" is {shape} {dtype}; {rule}: build it again')
    for name, (rows, _) in metadata.columns.items():
        if name != "images" and rows != shape[:1]:
            raise FeatsplitError(f'{path}: column "{name}" is {rows}; must be {shape[:1]}: build it again')


def _check_classes(path: Path, classes: tuple[str, ...]) -> None:
    """Raise FeatsplitError unless the names are text, and each is of one class alone."""
    for name in classes:
        if classes.count(name) > 1:
            raise FeatsplitError(f"{path}: two classes are called {name!a}; give each its own name, and build it again")
        if any(0xD800 <= ord(sign) < 0xE000 for sign in name):
            raise FeatsplitError(f"{path}: class {name!a}: its name is no text in UTF-8; rename it, and build it again")
