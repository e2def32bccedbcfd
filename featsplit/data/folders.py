"""Images in folders: PATH/train and PATH/test (or PATH/val), one folder a class, any common image format.

Two passes: the headers tell sizes, and whether all is grey; then each image is decoded into its row of one tensor.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from featsplit.data.imagefiles import (
    EXTENSIONS,
    GONE,
    Broken,
    Listing,
    Unreadable,
    is_skipped,
    leads_nowhere,
    listed,
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
from featsplit.files import expanded
from featsplit.records.data import ResizeMode


class Entry(NamedTuple):
    """One image file, its label, and what its header says."""

    path: Path
    label: int
    grey: bool
    size: tuple[int, int]


class Decoded(NamedTuple):
    """The images of a split, the digest of each before it was resized, how many are transparent, and what is broken."""

    split: Split
    digests: list[bytes]
    transparent: int
    broken: list[Broken]


def load_folder(
    source: str, *, resize: int | None = None, mode: ResizeMode = "squeeze", compare: bool = True
) -> ImageData:
    """The data set in the folders that `source` = "folder:PATH" names, uint8, grey where every image is.

    Images become `resize` x `resize` pixels (see `resized`); without it all must share one size. Warns of what is left
    out, of transparency, and with `compare` of test images that are among the train images. Raises FeatsplitError
    where a folder is missing, empty or does not match, and for files that cannot be read.
    """
    place = f'data.source = "{source}"'
    train, test = _split_folders(expanded(source.removeprefix("folder:")), place)
    root, classes = train.parent, _class_names(train, place)
    _check_same_classes(classes, test, place)
    listings = [_listings(folder, classes, place) for folder in (train, test)]
    entries = _entries(listings, place, root)
    _warn_of_left_out(source, listings, (train, test), root)
    grey = all(entry.grey for entry in chain(*entries))
    if resize is None:
        _check_one_size(list(chain(*entries)), root, place)
    decoded = [_decoded(part, grey=grey, resize=resize, mode=mode, place=place, root=root) for part in entries]
    if broken := [file for part in decoded for file in part.broken]:
        raise unreadable(broken, place, root)
    if transparent := sum(part.transparent for part in decoded):
        whole = sum(map(len, entries))
        warn(f"{source}: {transparency(transparent, whole)}")
    if compare:
        first, second = ([str(entry.path.relative_to(root)) for entry in part] for part in entries)
        warn_of_shared(source, decoded[0].digests, decoded[1].digests, names=(first, second))
    return ImageData(source, classes, decoded[0].split, decoded[1].split)


def _split_folders(path: Path, place: str) -> tuple[Path, Path]:
    if not path.is_dir():
        raise FeatsplitError(f"{place}: there is no such folder; give one that holds train/ and test/ (or val/)")
    test = path / "test" if (path / "test").is_dir() else path / "val"
    if not (path / "train").is_dir() or not test.is_dir():
        missing = "train/" if test.is_dir() else "test/ or val/"
        raise FeatsplitError(f"{place}: has no {missing}; it must hold train/ and test/ (or val/), one folder a class")
    return path / "train", test


def _class_names(folder: Path, place: str) -> tuple[str, ...]:
    found = sorted(file for file in folder.iterdir() if not is_skipped(file.name))
    if gone := [Broken(file, GONE) for file in found if leads_nowhere(file)]:
        raise unreadable(gone, place, folder.parent)
    names = tuple(file.name for file in found if file.is_dir())
    if not names:
        raise FeatsplitError(f"{place}: {folder.name}/ has no class folders; put the images of each class in its own")
    if len(names) < 2:
        raise FeatsplitError(f"{place}: {folder.name}/ has 1 class, {names[0]}; a classifier needs at least 2")
    return names


def _check_same_classes(classes: tuple[str, ...], test: Path, place: str) -> None:
    found = _class_names(test, place)
    for names, others, part in ((classes, found, f"{test.name}/"), (found, classes, "train/")):
        missing = [name for name in names if name not in others]
        if missing:
            raise FeatsplitError(f"{place}: {part} has no {', '.join(missing)}; both splits must have the same classes")


def _listings(folder: Path, classes: Sequence[str], place: str) -> list[Listing]:
    """What the folder of each class holds."""
    listings = [listed(folder / name) for name in classes]
    for name, listing in zip(classes, listings, strict=True):
        if not listing.images and not listing.broken:
            raise FeatsplitError(f"{place}: {folder.name}/{name}/ has no images; add some, or remove the class")
    return listings


def _entries(splits: Sequence[Sequence[Listing]], place: str, root: Path) -> list[list[Entry]]:
    """The images of each split; FeatsplitError that names all files of both that are broken.

    Headers are read, and only where one of them is broken the images too, for those whose headers do not tell.
    """
    broken = [file for listing in chain(*splits) for file in listing.broken]
    entries = [list[Entry]() for _ in splits]
    for split, listings in zip(entries, splits, strict=True):
        for label, listing in enumerate(listings):
            for path in listing.images:
                try:
                    size, grey = size_and_grey(path)
                    split.append(Entry(path, label, grey, size))
                except Unreadable as error:
                    broken.append(Broken(path, reason(path, error)))
    if broken:
        raise unreadable([*broken, *_undecodable(chain(*entries))], place, root)
    return entries


def _undecodable(entries: Iterable[Entry]) -> Iterator[Broken]:
    """Those of `entries` whose pixels cannot be read."""
    for entry in entries:
        try:
            picture(entry.path, grey=entry.grey)
        except Unreadable as error:
            yield Broken(entry.path, reason(entry.path, error))


def _warn_of_left_out(source: str, splits: Sequence[Sequence[Listing]], folders: Sequence[Path], root: Path) -> None:
    """Say which files of the classes are no images by their names, and which images are in no class."""
    others = [file for listing in chain(*splits) for file in listing.others]
    if others:
        kinds = Counter(file.suffix.lower() or "without extension" for file in others).most_common()
        extensions = ", ".join(f"{count} {kind}" for kind, count in kinds[:5]) + (" ..." if len(kinds) > 5 else "")
        count = "1 file in class folders has" if len(others) == 1 else f"{len(others)} files in class folders have"
        what = f"{count} no extension of an image ({extensions}): left out"
        warn(f"{source}: {what}; where they are images, save them as .png or .jpg")
    beside = [f for folder in folders for f in sorted(folder.iterdir()) if f.is_file() and not is_skipped(f.name)]
    loose = [str(file.relative_to(root)) for file in beside if file.suffix.lower() in EXTENSIONS]
    if loose:
        count = "1 image lies" if len(loose) == 1 else f"{len(loose)} images lie"
        what = f"{count} in no class folder (first: {loose[0]}): left out"
        warn(f"{source}: {what}; move each into the folder of its class")


def _check_one_size(entries: Sequence[Entry], folder: Path, place: str) -> None:
    first = entries[0]
    other = next((entry for entry in entries if entry.size != first.size), None)
    if other is None:
        return
    one, two = (f"{e.path.relative_to(folder)} is {e.size[0]} x {e.size[1]}" for e in (first, other))
    raise FeatsplitError(f"{place}: {one} but {two} pixels; all must share one size: give --resize N")


def _decoded(
    entries: Sequence[Entry], *, grey: bool, resize: int | None, mode: ResizeMode, place: str, root: Path
) -> Decoded:
    width, height = (resize, resize) if resize else entries[0].size
    images = torch.empty((len(entries), 1 if grey else 3, height, width), dtype=torch.uint8)
    digests, transparent, broken = list[bytes](), 0, list[Broken]()
    for row, entry in enumerate(entries):
        try:
            image, clear = _pixels(entry.path, grey=grey)
        except Unreadable as error:
            broken.append(Broken(entry.path, reason(entry.path, error)))
            continue
        if resize is None:
            _check_one_size([entries[0], entry._replace(size=(image.shape[2], image.shape[1]))], root, place)
        images[row] = (resized(image[None], resize, mode) if resize else image[None])[0]
        digests.append(pixel_digest(image))
        transparent += clear
    return Decoded(Split(images, torch.tensor([entry.label for entry in entries])), digests, transparent, broken)


def _pixels(path: Path, *, grey: bool) -> tuple[Tensor, bool]:
    """One image, (C, H, W) uint8, and whether it is transparent."""
    image, transparent = picture(path, grey=grey)
    array = np.asarray(image)
    pixels = torch.from_numpy(array.copy() if grey else array.transpose(2, 0, 1).copy())
    return pixels.view(-1, *array.shape[:2]), transparent
