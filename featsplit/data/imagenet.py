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
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from featsplit.data.folders import EXTENSIONS, Unreadable, eight_bits, unreadable
from featsplit.data.images import ImageData, Split
from featsplit.data.mapped import mapped
from featsplit.errors import FeatsplitError

PREFIX = "restricted-imagenet:"
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
NEED = f"ImageNet has {SYNSETS}, n01440764 to n15075141, and their order is the class index"


def load_restricted(source: str, *, resize: int | None, cache: Path) -> ImageData:
    """The data set in the ImageNet that `source` = "restricted-imagenet:PATH" names, uint8, in colour, mapped.

    Images are 224 x 224, or with `resize` the same part of the image in that many pixels. Their files lie in `cache`.
    Folders of synsets outside the nine ranges may be empty. Raises FeatsplitError where a folder is missing, or an
    image cannot be read.
    """
    place, root = f'data.source = "{source}"', Path(source.removeprefix(PREFIX)).expanduser()
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
    names = sorted(f.name for f in (root / part).iterdir() if f.is_dir() and not f.name.startswith("."))
    foreign = next((name for name in names if not re.fullmatch(r"n\d{8}", name)), None)
    if foreign is not None:
        raise FeatsplitError(f"{place}: {part}/{foreign}/ is no synset; {NEED}")
    if len(names) != SYNSETS:
        cure = "folders of classes that are not used may be empty, but must be there"
        raise FeatsplitError(f"{place}: {part}/ has {len(names)} folders; {NEED}: {cure}")
    return names


def _split(folder: Path, synsets: Sequence[str], *, side: int, cache: Path, place: str) -> Split:
    paths, labels = list[Path](), list[int]()
    for label, (name, (first, last)) in enumerate(RANGES.items()):
        for synset in synsets[first : last + 1]:
            found = _files(folder / synset)
            if not found:
                missing = f"{folder.name}/{synset}/ has no images, and is a {name}"
                raise FeatsplitError(f"{place}: {missing}; extract it again")
            paths += found
            labels += [label] * len(found)
    path = cache / f"{PREFIX[:-1]}-{folder.name}-{side}-{_digest(paths, folder)}.images"
    decode = partial(_pixels, side=side, place=place)
    cure = "make room, set FEATSPLIT_CACHE to a folder on another disk, or give a smaller --resize"
    with ThreadPoolExecutor() as pool:

        def read(rows: slice) -> NDArray[Any]:
            return np.stack(list(pool.map(decode, paths[rows])))

        images = mapped(path, (len(paths), 3, side, side), "|u1", read, title=f"decode {folder.name}/", cure=cure)
    return Split(images, torch.tensor(labels))


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in EXTENSIONS and file.name[0] != ".")


def _digest(paths: Sequence[Path], folder: Path) -> str:
    """What tells these files from others, and from what they were before."""
    digest = hashlib.sha256()
    for path in paths:
        status = path.stat()
        digest.update(f"{path.relative_to(folder)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _pixels(path: Path, *, side: int, place: str) -> NDArray[np.uint8]:
    """The middle of the image, (3, side, side)."""
    functional = import_module("torchvision.transforms.functional")
    try:
        with Image.open(path) as image:
            whole = eight_bits(image).convert("RGB")
    except Unreadable:
        raise unreadable(path, place) from None
    middle = functional.center_crop(functional.resize(whole, round(side * 256 / SIDE)), [side, side])
    return np.asarray(middle).transpose(2, 0, 1)
