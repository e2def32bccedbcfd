"""A data set of Hugging Face as one of ours: its splits and columns, images and labels (see `hub` and `tables`)."""

from collections.abc import Mapping
from pathlib import Path

import torch

from featsplit.data.arrays import numbered_classes
from featsplit.data.decoding import Collection, decoded
from featsplit.data.hub import SPLITS, tables_of
from featsplit.data.images import ImageData, Split
from featsplit.data.places import hosted
from featsplit.data.shared import digests_of, warn_of_shared
from featsplit.data.tables import Columns, EncodedRows, Table, columns_of, labels_in, pixels_in
from featsplit.errors import FeatsplitError, warn
from featsplit.records.data import ResizeMode


def load_hf(source: str, *, resize: int | None, mode: ResizeMode, holdout: bool, download: bool) -> ImageData:
    """The data set that `source` = "hf:FOLDER" or "hf:NAME" names; encoded images as those of a folder of images.

    Without a test split the validation split stands for it; with `holdout` neither is read. `download` fetches a data
    set of the hub that is not in the cache. Raises FeatsplitError where it is absent, damaged or does not fit.
    """
    found = in_tables(source, holdout=holdout, download=download)
    if isinstance(found, Collection):
        return decoded(found, resize=resize, mode=mode, compare=not holdout)
    if not holdout:
        warn_of_shared(source, digests_of(found.train), digests_of(found.test))
    return found


def in_tables(source: str, *, holdout: bool, download: bool) -> Collection | ImageData:
    """The images that `source` names: encoded, or where its columns are arrays of pixels, these themselves."""
    place = f'data.source = "{source}"'
    tables = _splits(tables_of(source, download=download), source, place, holdout=holdout)
    columns = columns_of(tables[0], hosted(source).columns, place)
    for table in tables[1:]:
        _check_alike(table, columns, place)
    labels = [labels_in(table, columns.label, place) for table in tables]
    classes, of_labels = columns.classes or numbered_classes(labels[0], place), zip(tables, labels, strict=True)
    if columns.encoded:
        train, *test = (EncodedRows(table, columns.image, own) for table, own in of_labels)
        return Collection(source, Path(), classes, train, test[0] if test else None)
    first, *second = (Split(pixels_in(table, columns.image, place), own) for table, own in of_labels)
    return ImageData(source, classes, first, second[0] if second else first.take(torch.arange(0)))


def _splits(tables: Mapping[str, Table], source: str, place: str, *, holdout: bool) -> list[Table]:
    """The train split, and unless `holdout` the test split, or what stands for it."""
    known = {split: next((name for name in words if name in tables), None) for split, words in SPLITS.items()}
    train, test, validation = known["train"], known["test"], known["validation"]
    if train is None:
        raise FeatsplitError(f"{place}: has no train split; its splits are {', '.join(tables) or 'none'}")
    if holdout:
        return [tables[train]]
    if test is None and validation is None:
        raise FeatsplitError(f"{place}: has no test split, only {', '.join(tables)}; give --holdout 0.2 to cut one")
    if test is None:
        warn(f"{source}: has no test split; its {validation} split stands for it")
    tested = str(test or validation)
    if left := [f"{name} ({table.rows})" for name, table in tables.items() if name not in (train, tested)]:
        warn(f"{source}: left out: {', '.join(left)}; what is read is {train} and {tested}")
    return [tables[train], tables[tested]]


def _check_alike(table: Table, columns: Columns, place: str) -> None:
    """Raise FeatsplitError where the `table` of the test split has other columns than the train split, or classes."""
    other = columns_of(table, (columns.image, columns.label), f"{place}: {table.name}")
    if other.classes != columns.classes:
        raise FeatsplitError(f"{place}: {table.name} has other class names than train; both must have the same")
    if other.encoded != columns.encoded:
        raise FeatsplitError(f"{place}: {columns.image} holds other images in {table.name} than in train")
