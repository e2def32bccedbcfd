"""Encoded images, PNG, JPEG ..., whether files or bytes in a table, to a data set.

Two passes: the headers tell sizes, and whether all is grey; then each image is decoded into its row of one tensor.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from featsplit.data.imagefiles import (
    Broken,
    Content,
    Unreadable,
    picture,
    reason,
    size_and_grey,
    transparency,
    unreadable,
)
from featsplit.data.images import ImageData, Split
from featsplit.data.selection import resized
from featsplit.data.shared import pixel_digest, warn_of_shared
from featsplit.errors import FeatsplitError, warn
from featsplit.records.data import ResizeMode


class Encoded(NamedTuple):
    """One image as it is stored, its label, and the path that it is called by."""

    path: Path
    content: Content
    label: int


class Header(NamedTuple):
    """What the header of an image says: width and height as it is shown, and whether it is grey."""

    path: Path
    label: int
    size: tuple[int, int]
    grey: bool


class Collection(NamedTuple):
    """A data set whose images are still encoded; both splits may be gone over again and again.

    `test` is None where the test images are to be cut from the train images. `root` is what the paths of the images
    begin with, `broken` are the files that could not even be listed, and `notes` what is to be said of the whole.
    """

    source: str
    root: Path
    classes: tuple[str, ...]
    train: Iterable[Encoded]
    test: Iterable[Encoded] | None
    broken: Sequence[Broken] = ()
    notes: Sequence[str] = ()

    @property
    def place(self) -> str:
        """What an error begins with."""
        return f'data.source = "{self.source}"'


class Layout(NamedTuple):
    """What images are to be like when they are decoded: in the size of the `first` of all, or resized; grey or not."""

    first: Header
    grey: bool
    resize: int | None
    mode: ResizeMode

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return (self.resize, self.resize) if self.resize else self.first.size


class Decoded(NamedTuple):
    """The images of a split, the digest of each before it was resized, how many are transparent, and what is broken."""

    split: Split
    digests: list[bytes]
    transparent: int
    broken: list[Broken]


def headers(images: Collection) -> tuple[list[Header], list[Header]]:
    """What the headers of the train and of the test images say; FeatsplitError that names all files that are broken.

    Headers are read, and only where one of them is broken the images too, for those whose headers do not tell. Warns of
    what is to be said of the data set.
    """
    broken, found = list(images.broken), [list[Header](), list[Header]()]
    for split, of_split in zip(found, (images.train, images.test or ()), strict=True):
        for path, content, label in of_split:
            try:
                split.append(Header(path, label, *size_and_grey(content)))
            except Unreadable as error:
                broken.append(Broken(path, reason(content, error)))
    if broken:
        known = {file.path for file in broken}
        more = (file for file in _undecodable(chain(images.train, images.test or ())) if file.path not in known)
        raise unreadable([*broken, *more], images.place, images.root)
    for note in images.notes:
        warn(f"{images.source}: {note}")
    return found[0], found[1]


def decoded(images: Collection, *, resize: int | None, mode: ResizeMode, compare: bool) -> ImageData:
    """The data set of these images, uint8, grey where every image is; without test images where they have none.

    Images become `resize` x `resize` pixels (see `resized`); without it all must share one size. Warns of transparency,
    and with `compare` of test images that are among the train images. Raises FeatsplitError for what cannot be read.
    """
    train, test = headers(images)
    every = [*train, *test]
    if not every:
        raise FeatsplitError(f"{images.source}: train is empty; it needs at least one image")
    if resize is None:
        _check_one_size(every, images)
    layout = Layout(every[0], all(header.grey for header in every), resize, mode)
    splits = ((images.train, train), (images.test or (), test))
    parts = [_decoded(images, split, of, layout=layout) for split, of in splits]
    if broken := [file for part in parts for file in part.broken]:
        raise unreadable(broken, images.place, images.root)
    if transparent := sum(part.transparent for part in parts):
        warn(f"{images.source}: {transparency(transparent, len(every))}")
    if compare:
        first, second = ([str(header.path.relative_to(images.root)) for header in part] for part in (train, test))
        warn_of_shared(images.source, parts[0].digests, parts[1].digests, names=(first, second))
    return ImageData(images.source, images.classes, parts[0].split, parts[1].split)


def _undecodable(images: Iterable[Encoded]) -> Iterator[Broken]:
    """Those whose pixels cannot be read."""
    for path, content, _ in images:
        try:
            picture(content, grey=False)
        except Unreadable as error:
            yield Broken(path, reason(content, error))


def _check_one_size(headers: Sequence[Header], images: Collection) -> None:
    other = next((header for header in headers if header.size != headers[0].size), None)
    if other is None:
        return
    one, two = (f"{h.path.relative_to(images.root)} is {h.size[0]} x {h.size[1]}" for h in (headers[0], other))
    raise FeatsplitError(f"{images.place}: {one} but {two} pixels; all must share one size: give --resize N")


def _decoded(images: Collection, part: Iterable[Encoded], headers: Sequence[Header], *, layout: Layout) -> Decoded:
    """The images of a `part`, whose headers are these."""
    channels, (width, height) = 1 if layout.grey else 3, layout.size
    pixels = torch.empty((len(headers), channels, height, width), dtype=torch.uint8)
    digests, transparent, broken = list[bytes](), 0, list[Broken]()
    for row, (path, content, _) in enumerate(part):
        try:
            image, clear = _pixels(content, grey=layout.grey)
        except Unreadable as error:
            broken.append(Broken(path, reason(content, error)))
            continue
        if layout.resize is None:  # what a header says of the size may be wrong
            size = (image.shape[2], image.shape[1])
            _check_one_size([layout.first, headers[row]._replace(size=size)], images)
        pixels[row] = (resized(image[None], layout.resize, layout.mode) if layout.resize else image[None])[0]
        digests.append(pixel_digest(image))
        transparent += clear
    labels = torch.tensor([header.label for header in headers], dtype=torch.int64)
    return Decoded(Split(pixels, labels), digests, transparent, broken)


def _pixels(content: Content, *, grey: bool) -> tuple[Tensor, bool]:
    """One image, (C, H, W) uint8, and whether it is transparent."""
    image, transparent = picture(content, grey=grey)
    array = np.asarray(image)
    pixels = torch.from_numpy(array.copy() if grey else array.transpose(2, 0, 1).copy())
    return pixels.view(-1, *array.shape[:2]), transparent
