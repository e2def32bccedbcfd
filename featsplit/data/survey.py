"""What images a source has, by their headers alone: none is decoded, and they may be of any sizes."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from featsplit.data.decoding import Collection, Header, headers
from featsplit.data.folders import in_folders
from featsplit.data.hf import in_tables
from featsplit.records.data import HUB, DataSpec


class Survey(NamedTuple):
    """The class names of a source, the labels of both splits, what its images are called, and how many are of a size.

    Sizes are width and height.
    """

    classes: tuple[str, ...]
    labels: tuple[Sequence[int], Sequence[int]]
    names: tuple[Sequence[str], Sequence[str]]
    sizes: Counter[tuple[int, int]]


def survey(spec: DataSpec, *, download: bool = False) -> Survey | None:
    """What the source of `spec` has, with no option applied; None where its images are no encoded ones.

    Raises FeatsplitError as `load_data` does.
    """
    if spec.source.startswith("folder:"):
        return _of(in_folders(spec.source, holdout=bool(spec.holdout)))
    if not spec.source.startswith(HUB):
        return None
    found = in_tables(spec.source, holdout=bool(spec.holdout), download=download)
    return _of(found) if isinstance(found, Collection) else None


def _of(images: Collection) -> Survey:
    train, test = headers(images)
    sizes = Counter(header.size for header in (*train, *test))
    labels = _labels(train), _labels(test)
    return Survey(images.classes, labels, (_names(train, images), _names(test, images)), sizes)


def _labels(split: Sequence[Header]) -> list[int]:
    return [header.label for header in split]


def _names(split: Sequence[Header], images: Collection) -> list[str]:
    return [str(header.path.relative_to(images.root)) for header in split]
