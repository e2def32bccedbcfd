"""A derived set as a torch Dataset."""

import os
from pathlib import Path

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


def open_dataset(path: str | Path) -> DerivedDataset:
    """The derived set at `path` as a torch Dataset; raises FeatsplitError where it is damaged or foreign."""
    return DerivedDataset(Path(path))
