"""A data set of Hugging Face as one of ours: its splits and columns, images and labels (see `hub` and `tables`)."""

from collections.abc import Iterator, Mapping, Sequence
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
    every = tables_of(source, download=download)
    tables = _splits(every, place, holdout=holdout)
    columns = columns_of(tables[0], hosted(source).columns, place)
    for table in tables[1:]:
        _check_alike(table, columns, place)
    labels = [labels_in(table, columns.label, place) for table in tables]
    notes = [] if holdout else list(_notes(every, tables))
    classes, of_labels = columns.classes or numbered_classes(labels[0], place), zip(tables, labels, strict=True)
    if columns.encoded:
        train, *test = (EncodedRows(table, columns.image, own) for table, own in of_labels)
        return Collection(source, Path(), classes, train, test[0] if test else None, notes=notes)
    first, *second = (Split(pixels_in(table, columns.image, place), own) for table, own in of_labels)
    for note in notes:
        warn(f"{source}: {note}")
    return ImageData(source, classes, first, second[0] if second else first.take(torch.arange(0)))


def _splits(tables: Mapping[str, Table], place: str, *, holdout: bool) -> list[Table]:
    """The train split, and unless `holdout` the test split, or the validation split where there is none."""
    train, test, validation = (next((name for name in words if name in tables), None) for words in SPLITS.values())
    if train is None:
        raise FeatsplitError(f"{place}: has no train split; its splits are {', '.join(tables) or 'none'}")
    if holdout:
        return [tables[train]]
    tested = test or validation
    if tested is None:
        raise FeatsplitError(f"{place}: has no test split, only {', '.join(tables)}; give --holdout 0.2 to cut one")
    return [tables[train], tables[tested]]


def _notes(tables: Mapping[str, Table], used: Sequence[Table]) -> Iterator[str]:
    """What is to be said of the splits of which some are `used`, to train and to test."""
    train, tested = (table.name for table in used)
    if tested not in SPLITS["test"]:
        yield f"has no test split; its {tested} split stands for it"
    if left := [f"{name} ({table.rows})" for name, table in tables.items() if name not in (train, tested)]:
        yield f"left out: {', '.join(left)}; what is read is {train} and {tested}"


def _check_alike(table: Table, columns: Columns, place: str) -> None:
    """Raise FeatsplitError where the `table` of the test split has other columns than the train split, or classes."""
    other = columns_of(table, (columns.image, columns.label), f"{place}: {table.name}")
    if other.classes != columns.classes:
        raise FeatsplitError(f"{place}: {table.name} has other class names than train; both must have the same")
    if other.encoded != columns.encoded:
        raise FeatsplitError(f"{place}: {columns.image} holds other images in {table.name} than in train")
