"""The user's own ImageNet: its 1000 classes, or nine, each a range of them (arXiv:1905.02175, appendix C).

PATH/train and PATH/val hold a folder a synset, n01440764 ..., as torchvision's ImageNet has them; the place of a synset
in their order is its class index. The shorter side of each image becomes 256 pixels, and the middle 256 x 256 are kept:
decoded once, into files of uint8 that are mapped. The images are the middle 224 x 224 of these, as in evaluation on
ImageNet; training takes its random resized crops from the 256 x 256, where others take them from the whole image.
"""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from featsplit.data.imagefiles import Broken, Unreadable, is_skipped, listed, picture, reason, transparency, unreadable
from featsplit.data.images import ImageData, Split
from featsplit.data.mapped import ROWS, mapped, middle_of
from featsplit.errors import FeatsplitError, warn
from featsplit.files import expanded
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
SIDE, WIDE = 224, 256
SYNSETS = 1000
DECODING = "wide, turned by EXIF, on white\n"  # as the files in the cache were decoded
NEED = f"ImageNet has {SYNSETS}, n01440764 to n15075141, and their order is the class index"


def load_imagenet(source: str, *, resize: int | None, cache: Path) -> ImageData:
    """The data set in the ImageNet that `source` names, uint8, in colour, mapped.

    Of "imagenet:PATH" the 1000 synsets are the classes, of "restricted-imagenet:PATH" the nine ranges of them. Images
    are 224 x 224, or with `resize` the same part of the image in that many pixels; the train images are the middle of
    wide ones. Their files lie in `cache`. Folders of synsets that are of no class may be empty. Raises FeatsplitError
    where a folder is missing, or an image cannot be read.
    """
    place, name = f'data.source = "{source}"', source.partition(":")[0]
    root = expanded(source.partition(":")[2])
    synsets = _synsets(root, "train", place)
    if missing := set(synsets).symmetric_difference(_synsets(root, "val", place)):
        raise FeatsplitError(f"{place}: train/ and val/ differ in {min(missing)}; both must have the same synsets")
    if source.startswith(RESTRICTED):
        classes = tuple(RANGES)
        chosen = [(n, label) for label, (a, b) in enumerate(RANGES.values()) for n in synsets[a : b + 1]]
    else:
        classes = class_names(root, synsets, place)
        chosen = [(n, label) for label, n in enumerate(synsets)]
    train, test = (
        _split(Part(root / part, name, place), chosen, classes, side=resize or SIDE, cache=cache)
        for part in ("train", "val")
    )
    return ImageData(source, classes, train, replace(test, wide=None))


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


class Part(NamedTuple):
    """A `folder` of synsets, of the source called `name`, and the `place` where the user wrote it."""

    folder: Path
    name: str
    place: str


def _split(part: Part, chosen: Sequence[tuple[str, int]], classes: Sequence[str], *, side: int, cache: Path) -> Split:
    files, labels = _listed(part, chosen, classes)
    wide = round(side * WIDE / SIDE)
    path = cache / f"{part.name}-{part.folder.name}-{wide}-{_digest(files, part.folder)}.images"
    cure = "make room, set FEATSPLIT_CACHE to a folder on another disk, or give a smaller --resize"
    transparent = 0
    with ThreadPoolExecutor() as pool:

        def read(rows: slice) -> NDArray[Any]:
            nonlocal transparent
            found = list(pool.map(partial(_decoded, side=side), (part.folder / file for file in files[rows])))
            middles = [one for one in found if isinstance(one, Middle)]
            if len(middles) < len(found):
                broken = _broken([part.folder / file for file in files[rows.start :]], side=side, pool=pool)
                raise unreadable(broken, part.place, part.folder.parent)
            transparent += sum(one.transparent for one in middles)
            return np.stack([one.pixels for one in middles])

        shape, title = (len(files), 3, wide, wide), f"decode {part.folder.name}/"
        images = mapped(path, shape, "|u1", read, title=title, cure=cure)
    if transparent:
        warn(f"{part.name}:{part.folder}: {transparency(transparent, len(files))}")
    return Split(middle_of(images, side), torch.tensor(labels), images)


def class_names(root: Path, synsets: Sequence[str], place: str) -> tuple[str, ...]:
    """The first word of each synset, as a file in `root` tells it; where two have the same, with the synset behind.

    LOC_synset_mapping.txt has lines "n01440764 tench, Tinca tinca", imagenet_class_index.json {"0": ["n01440764",
    "tench"], ...}. Where neither is there, the synsets themselves.
    """
    lines, index = root / "LOC_synset_mapping.txt", root / "imagenet_class_index.json"
    try:
        if lines.exists():
            told = dict(line.split(maxsplit=1) for line in lines.read_text(encoding="utf-8").splitlines() if line)
        elif index.exists():
            told = dict(json.loads(index.read_text(encoding="utf-8")).values())
        else:
            return tuple(synsets)
        words = [told[name].partition(",")[0].strip() for name in synsets]
    except (ValueError, TypeError, AttributeError, KeyError, OSError) as error:
        file = lines if lines.exists() else index
        reason = f"has no {error}" if isinstance(error, KeyError) else "is not what ImageNet's is"
        raise FeatsplitError(f"{place}: {file.name} {reason}; repair it, or remove it to go by synsets") from error
    often = Counter(words)
    return tuple(word if often[word] == 1 else f"{word} {name}" for word, name in zip(words, synsets, strict=True))


def _broken(paths: Sequence[Path], *, side: int, pool: ThreadPoolExecutor) -> list[Broken]:
    """All of these images that cannot be read: one is enough for an error, and it should name the others too."""
    parts = [paths[first : first + ROWS] for first in range(0, len(paths), ROWS)]
    decode = partial(_decoded, side=side)
    look = (one for part in progress(parts, "look for more") for one in pool.map(decode, part))
    return [one for one in look if isinstance(one, Broken)]


def _listed(part: Part, chosen: Sequence[tuple[str, int]], classes: Sequence[str]) -> tuple[list[str], list[int]]:
    """The images of the `chosen` synsets, by their place in the folder, and their labels."""
    files, labels, broken = list[str](), list[int](), list[Broken]()
    for synset, label in chosen:
        found = listed(part.folder / synset)
        broken += found.broken
        if not found.images and not found.broken:
            what = "" if classes[label] == synset else f", and is a {classes[label]}"
            missing = f"{part.folder.name}/{synset}/ has no images{what}"
            raise FeatsplitError(f"{part.place}: {missing}; extract it again")
        files += [str(path.relative_to(part.folder)) for path in found.images]
        labels += [label] * len(found.images)
    if broken:
        raise unreadable(broken, part.place, part.folder.parent)
    return files, labels


def _digest(files: Sequence[str], folder: Path) -> str:
    """What tells these files from others, from what they were before, and from another way to decode them."""
    digest = hashlib.sha256(DECODING.encode())
    for file in files:
        status = os.stat(folder / file)
        digest.update(f"{file} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


class Middle(NamedTuple):
    """The wide middle of the image at `path`, (3, S, S), and whether any of the image was transparent."""

    path: Path
    pixels: NDArray[np.uint8]
    transparent: bool


def _decoded(path: Path, *, side: int) -> Middle | Broken:
    try:
        return _pixels(path, side=side)
    except Unreadable as error:
        return Broken(path, reason(path, error))


def _pixels(path: Path, *, side: int) -> Middle:
    """The wide middle, cut so that its own middle is where evaluation has the image, to the pixel."""
    functional = import_module("torchvision.transforms.functional")
    whole, transparent = picture(path, grey=False)
    wide = round(side * WIDE / SIDE)
    scaled = functional.resize(whole, wide)
    margin = round((wide - side) / 2)
    top, left = (round((size - side) / 2) - margin for size in (scaled.height, scaled.width))
    pixels = np.asarray(functional.crop(scaled, top, left, wide, wide))
    return Middle(path, pixels.transpose(2, 0, 1), transparent)
