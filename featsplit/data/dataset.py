"""A derived set as a torch Dataset."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import overload

import h5py
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from featsplit.data.derived import check_column, read_columns
from featsplit.data.images import as_inputs
from featsplit.metadata.sets import read_set_metadata


class DerivedDataset(Dataset[tuple[Tensor, int]]):
    """A derived file as a torch Dataset of (image, label): the image (C, H, W) float32 in [0, 1].

    Rows are read when asked for, after the whole file was checked once. Each process opens the file for itself, so it
    is safe with DataLoader workers. `metadata` is what the file says of itself, `columns` every other column, in
    memory.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.metadata = path, read_set_metadata(path)
        check_column(path, "images")
        self.columns = read_columns(path, [name for name in self.metadata.columns if name != "images"])
        self._file: tuple[int, h5py.File] | None = None

    def __len__(self) -> int:
        return len(self.columns["labels"])

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row}: the set has {len(self)}")
        if self._file is None or self._file[0] != os.getpid():
            self._file = os.getpid(), h5py.File(self.path, "r")
        image = torch.from_numpy(np.asarray(self._file[1]["images"][row % len(self)]))
        return as_inputs(image), int(self.columns["labels"][row])

    def __getstate__(self) -> object:
        return {**self.__dict__, "_file": None}


class NamedDataset(Dataset[dict[str, Tensor | int]]):
    """A derived set whose rows are dicts: the image and its label, by the two `names`."""

    def __init__(self, rows: DerivedDataset, names: tuple[str, str]) -> None:
        self.rows, self.names = rows, names

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> dict[str, Tensor | int]:
        return dict(zip(self.names, self.rows[row], strict=True))

    def __iter__(self) -> Iterator[dict[str, Tensor | int]]:
        """Each row."""
        return map(self.__getitem__, range(len(self)))


@overload
def open_dataset(path: str | Path) -> DerivedDataset: ...


@overload
def open_dataset(path: str | Path, names: tuple[str, str]) -> NamedDataset: ...


def open_dataset(path: str | Path, names: tuple[str, str] | None = None) -> DerivedDataset | NamedDataset:
    """The derived set at `path` as a torch Dataset, of (image, label) or, with `names`, of dicts by these.

    `open_dataset(path, ("pixel_values", "labels"))` is what the Trainer of transformers takes;
    `datasets.Dataset.from_generator(open_dataset(path, ("image", "label")).__iter__)` is one of Hugging Face's. Raises
    FeatsplitError where the file is damaged or foreign.
    """
    rows = DerivedDataset(Path(path))
    return rows if names is None else NamedDataset(rows, names)
