"""The one record for image data: a train and a test split, their class names and a digest.

Images lie in memory, or in a file that is mapped (`mapped`): whatever goes over all of them goes in pieces.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from textwrap import shorten

import torch
from torch import Tensor
from torch.utils.data import Dataset

from featsplit.data.mapped import middle
from featsplit.errors import FeatsplitError
from featsplit.metadata.plain import Fields

PIECE = 2**22
"""Bytes that are copied at a time, where images do not lie side by side."""


@dataclass(frozen=True, repr=False)
class Split(Dataset[tuple[Tensor, int]]):
    """Images (N, C, H, W), uint8 or float in [0, 1], with labels (N,) int64.

    `wide` (N, C, S, S), where there is one, shows more: `images` are the squares in the middle of it. Random resized
    crops are taken from it.
    """

    images: Tensor
    labels: Tensor
    wide: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        """The image at `row`, (C, H, W) float32 in [0, 1], and its label: torch's DataLoader takes a split as it is."""
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row}: the split has {len(self)}")
        return as_inputs(self.images[row]), int(self.labels[row])

    def __iter__(self) -> Iterator[tuple[Tensor, int]]:
        """Each image with its label."""
        return map(self.__getitem__, range(len(self)))

    def __repr__(self) -> str:
        """How many images of which size and type."""
        kind = str(self.images.dtype).removeprefix("torch.")
        return f"Split of {len(self)} images, {' x '.join(map(str, self.images.shape[1:]))}, {kind}"

    def inputs(self, rows: Tensor | slice = slice(None)) -> Tensor:
        """The chosen images as float32 in [0, 1], (n, C, H, W)."""
        return as_inputs(self.images[rows])

    def take(self, rows: Tensor) -> "Split":
        """The examples at `rows`, in that order."""
        if self.wide is None:
            return Split(self.images[rows], self.labels[rows])
        wide = self.wide[rows]
        return Split(middle(wide, self.images.shape[3]), self.labels[rows], wide)


@dataclass(frozen=True, repr=False)
class ImageData:
    """A labelled image data set: `name` as the user wrote it, `classes` names, a train and a test split.

    `origin` says how to open it again, as the fields of a DataSpec (JSON values); empty for data made in memory.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    origin: Fields = field(default_factory=dict)

    def __repr__(self) -> str:
        """Two lines: its images, and its classes."""
        size, kind = " x ".join(map(str, self.shape)), str(self.train.images.dtype).removeprefix("torch.")
        names = shorten(", ".join(self.classes), 100, placeholder=" ...")
        return (
            f"ImageData {self.name}: {len(self.train)} training and {len(self.test)} test images, {size}, {kind}\n"
            f"{len(self.classes)} classes: {names}"
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        channels, height, width = self.train.images.shape[1:]
        return int(channels), int(height), int(width)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over class names, images and labels of both splits: the identity of the data."""
        parts = [digest_of(t) for s in (self.train, self.test) for t in (s.images, s.labels)]
        return hashlib.sha256("/".join([*self.classes, *parts]).encode()).hexdigest()


def as_inputs(images: Tensor) -> Tensor:
    """Images of any stored type as float32 in [0, 1]."""
    return images.float() / 255 if images.dtype == torch.uint8 else images.float()


def digest_of(tensor: Tensor) -> str:
    """SHA-256 over a tensor's type, shape and values, however they lie in memory."""
    array = tensor.detach().cpu().numpy()
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    if array.flags.c_contiguous:
        digest.update(array.reshape(-1).data)  # as it lies there: a copy might not fit in memory
    else:
        rows = max(1, PIECE * len(array) // array.nbytes)
        for first in range(0, len(array), rows):
            digest.update(array[first : first + rows].reshape(-1).data)
    return digest.hexdigest()


def digest_of_all(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over named tensors, in whatever order they come."""
    parts = [f"{name}:{digest_of(tensor)}" for name, tensor in sorted(tensors.items())]
    return hashlib.sha256("/".join(parts).encode()).hexdigest()


def pieces(images: Tensor) -> Iterator[Tensor]:
    """The images (N, C, H, W), in order, as many at a time as make some 4 MiB of float32."""
    yield from torch.split(images, max(1, 2**20 // images[0].numel()))


def channel_moments(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel of `images`, as inputs, (C,) each: summed in float64, in pieces."""
    total, square = torch.zeros(2, images.shape[1], dtype=torch.float64, device=images.device)
    for part in pieces(images):
        inputs = as_inputs(part)
        total += inputs.sum(dim=(0, 2, 3), dtype=torch.float64)
        square += inputs.square().sum(dim=(0, 2, 3), dtype=torch.float64)
    count = images.numel() // images.shape[1]
    mean = total / count
    variance = (square / count - mean.square()).clamp_min(0) * (count / max(count - 1, 1))
    return mean.float(), variance.sqrt().float()


def check(data: ImageData, *, test: bool = True) -> ImageData:
    """`data` itself, or FeatsplitError where no classifier could be trained on it; or tested, if `test`."""
    if len(data.classes) < 2:
        raise FeatsplitError(f"{data.name}: has {len(data.classes)} class; a classifier needs at least 2")
    for name in data.classes:
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise FeatsplitError(f"{data.name}: class {name!a}: its name is no text in UTF-8; rename it") from error
    for part, split in (("train", data.train), *([("test", data.test)] if test else [])):
        _check_split(f"{data.name}: {part}", split, classes=len(data.classes), shape=data.shape)
    return data


def _check_split(place: str, split: Split, *, classes: int, shape: tuple[int, int, int]) -> None:
    if not len(split):
        raise FeatsplitError(f"{place} is empty; it needs at least one image")
    if not split.images.numel():
        raise FeatsplitError(f"{place}: images are {tuple(split.images.shape[1:])}, without a pixel")
    if len(split.images) != len(split.labels):
        raise FeatsplitError(f"{place}: {len(split.images)} images but {len(split.labels)} labels; give one for each")
    if tuple(split.images.shape[1:]) != shape:
        raise FeatsplitError(
            f"{place}: images are {tuple(split.images.shape[1:])}, the train images {shape}; all must be alike"
        )
    if split.wide is not None and (
        split.wide.shape[:2] != split.images.shape[:2] or min(split.wide.shape[2:]) < max(shape[1:])
    ):
        wide = tuple(split.wide.shape)
        raise FeatsplitError(
            f"{place}: wide images {wide} are not of {tuple(split.images.shape)}; show more of the same"
        )
    if split.images.is_floating_point():
        _check_pixels(place, split.images)
    wrong = ((split.labels < 0) | (split.labels >= classes)).nonzero()
    if len(wrong):
        row = int(wrong[0])
        value = int(split.labels[row])
        raise FeatsplitError(f"{place}: label {value} at index {row}; labels must be in 0 ... {classes - 1}")


def _check_pixels(place: str, images: Tensor) -> None:
    low, high, seen = math.inf, -math.inf, 0
    for part in pieces(images):
        bad = ~torch.isfinite(part).flatten(1).all(dim=1)
        if bad.any():
            row = seen + int(bad.nonzero()[0])
            raise FeatsplitError(f"{place}: image {row} has NaN or infinite pixels; repair or drop it")
        low, high, seen = min(low, float(part.min())), max(high, float(part.max())), seen + len(part)
    if low < 0 or high > 1:
        raise FeatsplitError(f"{place}: pixels span {low:g} to {high:g}; floating-point images must be in [0, 1]")
