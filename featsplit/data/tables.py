"""A split of a data set of Hugging Face as a table: which column has the images, which the labels, and what is in them.

Images are a column with the feature Image, or of the bytes of encoded images, or of arrays of pixels (Array2D,
Array3D); labels one with the feature ClassLabel, or whole numbers in a column that is called so.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from featsplit.data.arrays import pixels_of
from featsplit.data.decoding import Encoded
from featsplit.data.imagefiles import Content
from featsplit.errors import FeatsplitError, unknown

CALLED = ("label", "labels", "fine_label", "coarse_label", "target", "class")
"""What a column of whole numbers is called that are labels."""
ARRAYS = ("Array2D", "Array3D")
BYTES = ("binary", "large_binary")
SHOWN = 12  # columns that an error names


@dataclass(frozen=True)
class Table:
    """A split: its features by the names of the columns, its number of rows, and a column of it in pieces.

    `pieces` gives arrays of pyarrow, some rows each, in order.
    """

    name: str
    features: Mapping[str, Any]
    rows: int
    pieces: Callable[[str], Iterator[Any]]


class Columns(NamedTuple):
    """The columns of images and of labels, whether images are encoded, and the class names, where labels have any."""

    image: str
    label: str
    encoded: bool
    classes: tuple[str, ...] | None


def columns_of(table: Table, chosen: Sequence[str], place: str) -> Columns:
    """The columns of `table` that are meant: those `chosen`, (IMAGE, LABEL) or (LABEL,), else by their features.

    Raises FeatsplitError at `place`, with the columns that there are, where there is none, or more than one.
    """
    if len(chosen) > 2:
        raise FeatsplitError(f"{place}: chooses {len(chosen)} columns; write #LABEL or #IMAGE,LABEL behind it")
    for name in chosen:
        if name not in table.features:
            raise unknown(f"{place}: column", name, table.features)
    images, labels = _images(table.features), _labels(table.features)
    image = chosen[0] if len(chosen) == 2 else _only(images, "images", "#{},LABEL", table=table, place=place)
    label = chosen[-1] if chosen else _only(labels, "labels", "#{}", table=table, place=place)
    encoded = _is_encoded(table.features[image])
    if not encoded and _kind(table.features[image]) not in ARRAYS:
        rule = f"must be Image, {', '.join(ARRAYS)}, or the bytes of image files"
        raise FeatsplitError(f"{place}: column {image} is {_kind(table.features[image])}; images {rule}")
    kind = _kind(table.features[label])
    if kind != "ClassLabel" and not _is_whole(kind):
        cure = f'dataset.class_encode_column("{label}") makes it so'
        raise FeatsplitError(f"{place}: column {label} is {kind}; labels must be ClassLabel or whole numbers: {cure}")
    names = tuple(map(str, getattr(table.features[label], "names", None) or ()))
    return Columns(image, label, encoded, names or None)


def labels_in(table: Table, column: str, place: str) -> Tensor:
    """The labels in that `column`, (N,) int64; FeatsplitError where a row has none."""
    found = [array.astype(np.int64) for array in _arrays(table, column, f"{place}: {table.name} row", "label")]
    return torch.from_numpy(np.concatenate([np.zeros(0, dtype=np.int64), *found]))


def pixels_in(table: Table, column: str, place: str) -> Tensor:
    """The arrays of pixels in that `column` as images, (N, C, H, W); FeatsplitError where they are none, or differ."""
    found = list(_arrays(table, column, f"{place}: {table.name} row", "image"))
    if len({array.shape[1:] for array in found}) > 1 or any(array.dtype == object for array in found):
        raise FeatsplitError(f"{place}: {table.name}: arrays in {column} differ in size; all must share one")
    feature = table.features[column]
    whole = np.concatenate(found) if found else np.zeros((0, *feature.shape), dtype=feature.dtype)
    return pixels_of(whole, f"{place}: {table.name}: {column}")


@dataclass(frozen=True)
class EncodedRows:
    """The encoded images in a `column` of a table, with their labels (N,); to be gone over any number of times."""

    table: Table
    column: str
    labels: Tensor

    def __iter__(self) -> Iterator[Encoded]:
        cells = chain.from_iterable(piece.to_pylist() for piece in self.table.pieces(self.column))
        for row, (cell, label) in enumerate(zip(cells, self.labels.tolist(), strict=True)):
            yield Encoded(Path(f"{self.table.name} row {row}"), _content(cell), label)


def _content(cell: object) -> Content:
    """The bytes of an image, or the file that it lies in; no bytes where there is none."""
    inside, path = (cell.get("bytes"), cell.get("path")) if isinstance(cell, Mapping) else (cell, None)
    if isinstance(inside, bytes):
        return inside
    return Path(path) if isinstance(path, str) and os.path.isfile(path) else b""


def _arrays(table: Table, column: str, place: str, what: str) -> Iterator[NDArray[Any]]:
    """The pieces of a column as numpy has them; FeatsplitError at `place` where a row is null."""
    first = 0
    for piece in table.pieces(column):
        if piece.null_count:
            row = first + int(piece.is_null().to_numpy(zero_copy_only=False).argmax())
            raise FeatsplitError(f"{place} {row} has no {what}; fill it in, or drop the row")
        yield piece.to_numpy(zero_copy_only=False)
        first += len(piece)


def _kind(feature: Any) -> str:
    """What a feature is called, that of a plain value by its type: "Image", "ClassLabel", "int64", "string" ..."""
    return str(feature.dtype) if type(feature).__name__ == "Value" else type(feature).__name__


def _is_encoded(feature: Any) -> bool:
    """Whether a column holds images as files have them; a plain column of bytes and paths, too, is such a one."""
    inside = feature.get("bytes") if isinstance(feature, Mapping) else feature
    return _kind(inside) in ("Image", *BYTES)


def _is_whole(kind: str) -> bool:
    return kind.removeprefix("u").removeprefix("int").isdecimal()


def _images(features: Mapping[str, Any]) -> list[str]:
    """The columns of images: those that say so, else those that hold bytes."""
    known = [name for name, feature in features.items() if _kind(feature) in ("Image", *ARRAYS)]
    return known or [name for name, feature in features.items() if _is_encoded(feature)]


def _labels(features: Mapping[str, Any]) -> list[str]:
    return [
        name
        for name, feature in features.items()
        if _kind(feature) == "ClassLabel" or (name in CALLED and _is_whole(_kind(feature)))
    ]


def _only(names: Sequence[str], what: str, cure: str, *, table: Table, place: str) -> str:
    """The only one of the columns called `names`, which hold `what`."""
    if len(names) == 1:
        return names[0]
    if names:
        choose = f"choose one by writing {cure.format(names[0])} behind the source"
        raise FeatsplitError(f"{place}: has {len(names)} columns of {what}, {', '.join(names)}; {choose}")
    columns = [f"{name} ({_kind(feature)})" for name, feature in table.features.items()]
    listing = ", ".join(columns[:SHOWN]) + (" ..." if len(columns) > SHOWN else "")
    needed = {
        "images": "a column of images, such as datasets.Image",
        "labels": f"one of labels: whole numbers called {' or '.join(CALLED[:2])}, or ClassLabel, which "
        "dataset.class_encode_column(NAME) makes of another",
    }
    raise FeatsplitError(f"{place}: has no column of {what} ({listing or 'none at all'}); it needs {needed[what]}")
