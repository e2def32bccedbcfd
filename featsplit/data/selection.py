"""The options that fit every source, each a function from one data set to another: classes, holdout, limit, resize.

Splits are stratified by largest remainders: of n images, class k with c_k of C gets n c_k / C, rounded down or up so
that the sum is n, and at least one. Which images is a matter of the seed alone; they keep their order.
"""

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module

import torch
import torch.nn.functional as F
from torch import Tensor

from featsplit.data.images import ImageData, Split
from featsplit.data.mapped import middle
from featsplit.errors import FeatsplitError, unknown
from featsplit.randomness import torch_generator
from featsplit.records.data import ResizeMode

CHUNK = 512  # images resized at a time
SHOWN = 8  # classes that an error names


def keep_classes(data: ImageData, wanted: Sequence[str | int]) -> ImageData:
    """Only the images of the classes that are `wanted`, labelled 0, 1, ... in that order (see `class_named`)."""
    labels = [class_named(word, data.classes) for word in wanted]
    _check_wanted(wanted, labels, data.classes)
    mapping = torch.full((len(data.classes),), -1, dtype=torch.int64)
    mapping[torch.tensor(labels)] = torch.arange(len(labels))
    train, test = (_relabelled(split, mapping) for split in (data.train, data.test))
    return replace(data, classes=tuple(data.classes[label] for label in labels), train=train, test=test)


def class_named(word: str | int, classes: Sequence[str]) -> int:
    """The label of the class that `word` means: by its name, by how its name begins, or by its number.

    A whole name comes first, then one of which it is the first word ("3" of "3 - three"); then the only class whose
    name begins so, or whose number it is. Raises FeatsplitError where there is none, or where there are several.
    """
    text = str(word)
    if text in classes:
        return classes.index(text)
    begun = [label for label, name in enumerate(classes) if text and name.startswith(text)]
    whole = [label for label in begun if not classes[label][len(text)].isalnum()]
    numbered = [label for label in range(len(classes)) if text == str(label)]
    found = whole if len(whole) == 1 else sorted({*begun, *numbered})
    if not found:
        raise unknown("data.classes", text, classes)
    if len(found) > 1:
        candidates = ", ".join(f'"{classes[label]}" (number {label})' for label in found[:SHOWN])
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise FeatsplitError(f'data.classes = "{text}": may be {candidates}{more}; write more of the name')
    return found[0]


def hold_out(data: ImageData, fraction: float, *, seed: int) -> ImageData:
    """The test split replaced by a stratified `fraction` of the train split, which loses those images."""
    place = f"data.holdout = {fraction:g}"
    counts = _counts(data.train.labels, len(data.classes))
    size = round(fraction * len(data.train))
    if size < len(data.classes):
        need = f"must give at least {len(data.classes)}, one image a class"
        raise FeatsplitError(f"{place}: gives {size} of {len(data.train)} images; {need}")
    taken = apportion(counts, size)
    emptied = ((counts > 0) & (taken == counts)).nonzero()
    if len(emptied):
        name = data.classes[int(emptied[0])]
        raise FeatsplitError(f'{place}: leaves class "{name}" no image to train on; make it smaller or drop the class')
    held = _drawn(data.train.labels, taken, seed=seed, stage="holdout")
    test = replace(data.train, wide=None).take(held.nonzero()[:, 0])
    return replace(data, train=data.train.take((~held).nonzero()[:, 0]), test=test)


def limit_split(split: Split, size: int, *, classes: int, seed: int, place: str) -> Split:
    """A stratified choice of exactly `size` images of `split`, or all where it has no more; `place` names the option.

    With one seed and equal class counts, the images of a smaller limit are among those of a larger one.
    """
    if size < classes:
        raise FeatsplitError(f"{place} = {size}: must be at least {classes}, one image a class")
    if size >= len(split):
        return split
    shares = apportion(_counts(split.labels, classes), size)
    return split.take(_drawn(split.labels, shares, seed=seed, stage=place).nonzero()[:, 0])


def resize_split(split: Split, size: int, mode: ResizeMode = "squeeze") -> Split:
    """The split with square images of `size` pixels (see `resized`)."""
    images = resized(split.images, size, mode)
    return split if images is split.images else Split(images, split.labels)


def resized(images: Tensor, size: int, mode: ResizeMode = "squeeze") -> Tensor:
    """Images (N, C, H, W) as (N, C, size, size) of the same type, floats kept in [0, 1].

    An image that is not square is squeezed, or with `mode` "crop" its largest square in the middle is taken. The mean
    of each box of pixels where both sides are a multiple of `size`, as for the downsampled ImageNet (arXiv:1707.08819):
    it keeps more of the fine features than smoother filters. Bilinear with antialiasing elsewhere.
    """
    if tuple(images.shape[2:]) == (size, size):
        return images
    if mode == "crop":
        images = middle(images, min(images.shape[2:]))
    if tuple(images.shape[2:]) == (size, size) or not len(images):
        return images.contiguous()
    out = images.new_empty((*images.shape[:2], size, size))
    for start in range(0, len(images), CHUNK):
        out[start : start + CHUNK] = _resized_chunk(images[start : start + CHUNK], size)
    return out


def _resized_chunk(images: Tensor, size: int) -> Tensor:
    height, width = images.shape[2:]
    if height % size == 0 and width % size == 0:
        means = F.avg_pool2d(images.float(), (height // size, width // size))
        return means if images.is_floating_point() else means.round().to(images.dtype)
    part: Tensor = import_module("torchvision.transforms.v2.functional").resize(images, [size, size], antialias=True)
    return part.clamp(0, 1) if images.is_floating_point() else part


def apportion(counts: Tensor, size: int) -> Tensor:
    """How many of `size` images each class gets when `counts` (K,) are there: the largest-remainder method, (K,).

    A class that has images gets one at least, at the expense of the classes that got most above their share.
    """
    total = int(counts.sum())
    shares = counts * size // total
    rest = (counts * size % total).argsort(descending=True, stable=True)
    shares[rest[: size - int(shares.sum())]] += 1
    for missing in ((counts > 0) & (shares == 0)).nonzero()[:, 0]:
        surplus = (shares * total - counts * size).where(shares > 1, torch.tensor(-(2**62)))
        shares[surplus.argmax()] -= 1
        shares[missing] = 1
    return shares


def _drawn(labels: Tensor, shares: Tensor, *, seed: int, stage: str) -> Tensor:
    """Which images a seeded draw of `shares` (K,) images a class takes, (N,) bool."""
    order = torch.randperm(len(labels), generator=torch_generator(seed, stage))
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    for label, share in enumerate(shares.tolist()):
        chosen[order[labels[order] == label][:share]] = True
    return chosen


def _counts(labels: Tensor, classes: int) -> Tensor:
    return torch.bincount(labels, minlength=classes)


def _relabelled(split: Split, mapping: Tensor) -> Split:
    labels = mapping[split.labels]
    return replace(split, labels=labels).take((labels >= 0).nonzero()[:, 0])


def _check_wanted(wanted: Sequence[str | int], labels: Sequence[int], classes: Sequence[str]) -> None:
    for label in labels:
        words = [str(word) for word, other in zip(wanted, labels, strict=True) if other == label]
        if len(words) > 1:
            others = "" if set(words) == {classes[label]} else f", as {' and '.join(words)}"
            raise FeatsplitError(
                f'data.classes: "{classes[label]}" is given {len(words)} times{others}; give each class once'
            )
    if len(labels) < 2:
        raise FeatsplitError(f"data.classes has {len(labels)} class; a classifier needs at least 2")
