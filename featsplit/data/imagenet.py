"""Restricted ImageNet, from the user's own: nine classes, each a range of ImageNet's (arXiv:1905.02175, appendix C).

PATH/train and PATH/val hold a folder a synset, n01440764 ..., as torchvision's ImageNet has them; the place of a synset
in their order is its class index. The shorter side of each image becomes 256 pixels, and the middle 224 x 224 are kept,
as in evaluation on ImageNet: a fixed decode, where `robustness` crops at random while it trains. The images are decoded
once, into files of uint8 that are mapped.
"""

import hashlib
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from featsplit.data.imagefiles import Broken, Unreadable, is_skipped, listed, picture, reason, transparency, unreadable
from featsplit.data.images import ImageData, Split
from featsplit.data.mapped import ROWS, mapped
from featsplit.errors import FeatsplitError, warn
from featsplit.progress import progress
from featsplit.records.data import RESTRICTED

RANGES = {
    "dog": (151, 268),
    "cat": (281, 285),
    "frog": (30, 32),
    "turtle": (33, 37),
    "bird": (80, 100),
    "primate": (365, 382),
    "fish": (389, 397),
    "crab": (118, 121),
    "insect": (300, 319),
}
"""The first and the last class index of each class, as in `robustness.tools.constants`."""
SIDE = 224
SYNSETS = 1000
DECODING = "turned by EXIF, on white\n"  # as the files in the cache were decoded
NEED = f"ImageNet has {SYNSETS}, n01440764 to n15075141, and their order is the class index"


def load_restricted(source: str, *, resize: int | None, cache: Path) -> ImageData:
    """The data set in the ImageNet that `source` = "restricted-imagenet:PATH" names, uint8, in colour, mapped.

    Images are 224 x 224, or with `resize` the same part of the image in that many pixels. Their files lie in `cache`.
    Folders of synsets outside the nine ranges may be empty. Raises FeatsplitError where a folder is missing, or an
    image cannot be read.
    """
    place, root = f'data.source = "{source}"', Path(source.removeprefix(RESTRICTED)).expanduser()
    synsets = _synsets(root, "train", place)
    if missing := set(synsets).symmetric_difference(_synsets(root, "val", place)):
        raise FeatsplitError(f"{place}: train/ and val/ differ in {min(missing)}; both must have the same synsets")
    train, test = (
        _split(root / part, synsets, side=resize or SIDE, cache=cache, place=place) for part in ("train", "val")
    )
    return ImageData(source, tuple(RANGES), train, test)


def _synsets(root: Path, part: str, place: str) -> list[str]:
    """The names of the synset folders, by class index."""
    if not (root / part).is_dir():
        raise FeatsplitError(f"{place}: has no {part}/; it must hold ImageNet's train/ and val/, one folder a synset")
    names = sorted(f.name for f in (root / part).iterdir() if f.is_dir() and not is_skipped(f.name))
    foreign = next((name for name in names if not re.fullmatch(r"n\d{8}", name)), None)
    if foreign is not None:
        raise FeatsplitError(f"{place}: {part}/{foreign}/ is no synset; {NEED}")
    if len(names) != SYNSETS:
        cure = "folders of classes that are not used may be empty, but must be there"
        raise FeatsplitError(f"{place}: {part}/ has {len(names)} folders; {NEED}: {cure}")
    return names


def _split(folder: Path, synsets: Sequence[str], *, side: int, cache: Path, place: str) -> Split:
    paths, labels = _listed(folder, synsets, place)
    path = cache / f"{RESTRICTED[:-1]}-{folder.name}-{side}-{_digest(paths, folder)}.images"
    cure = "make room, set FEATSPLIT_CACHE to a folder on another disk, or give a smaller --resize"
    transparent = list[Path]()
    with ThreadPoolExecutor() as pool:

        def read(rows: slice) -> NDArray[Any]:
            found = list(pool.map(partial(_decoded, side=side), paths[rows]))
            middles = [one for one in found if isinstance(one, Middle)]
            if len(middles) < len(found):
                raise unreadable(_broken(paths[rows.start :], side=side, pool=pool), place, folder.parent)
            transparent.extend(one.path for one in middles if one.transparent)
            return np.stack([one.pixels for one in middles])

        images = mapped(path, (len(paths), 3, side, side), "|u1", read, title=f"decode {folder.name}/", cure=cure)
    if transparent:
        warn(f"{RESTRICTED}{folder}: {transparency(len(transparent), len(paths))}")
    return Split(images, torch.tensor(labels))


def _broken(paths: Sequence[Path], *, side: int, pool: ThreadPoolExecutor) -> list[Broken]:
    """All of these images that cannot be read: one is enough for an error, and it should name the others too."""
    parts = [paths[first : first + ROWS] for first in range(0, len(paths), ROWS)]
    decode = partial(_decoded, side=side)
    look = (one for part in progress(parts, "look for more") for one in pool.map(decode, part))
    return [one for one in look if isinstance(one, Broken)]


def _listed(folder: Path, synsets: Sequence[str], place: str) -> tuple[list[Path], list[int]]:
    """The images of the nine ranges, and their labels."""
    paths, labels, broken = list[Path](), list[int](), list[Broken]()
    for label, (name, (first, last)) in enumerate(RANGES.items()):
        for synset in synsets[first : last + 1]:
            found = listed(folder / synset)
            broken += found.broken
            if not found.images and not found.broken:
                missing = f"{folder.name}/{synset}/ has no images, and is a {name}"
                raise FeatsplitError(f"{place}: {missing}; extract it again")
            paths += found.images
            labels += [label] * len(found.images)
    if broken:
        raise unreadable(broken, place, folder.parent)
    return paths, labels


def _digest(paths: Sequence[Path], folder: Path) -> str:
    """What tells these files from others, from what they were before, and from another way to decode them."""
    digest = hashlib.sha256(DECODING.encode())
    for path in paths:
        status = path.stat()
        digest.update(f"{path.relative_to(folder)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


class Middle(NamedTuple):
    """The middle of the image at `path`, (3, side, side), and whether any of the image was transparent."""

    path: Path
    pixels: NDArray[np.uint8]
    transparent: bool


def _decoded(path: Path, *, side: int) -> Middle | Broken:
    try:
        return _pixels(path, side=side)
    except Unreadable as error:
        return Broken(path, reason(path, error))


def _pixels(path: Path, *, side: int) -> Middle:
    functional = import_module("torchvision.transforms.functional")
    whole, transparent = picture(path, grey=False)
    middle = functional.center_crop(functional.resize(whole, round(side * 256 / SIDE)), [side, side])
    return Middle(path, np.asarray(middle).transpose(2, 0, 1), transparent)
