"""A derived set as a torch Dataset."""

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from featsplit.data.derived import read_columns
from featsplit.data.images import as_inputs
from featsplit.stories import read_spec


class DerivedDataset(Dataset[tuple[Tensor, int]]):
    """A derived file as a torch Dataset of (image, label): the image (C, H, W) float32 in [0, 1].

    Rows are read when asked for. Each process opens the file for itself, so it is safe with DataLoader workers.
    `spec`, `summary`, `warnings` and `made_by` hold the file's story, `columns` every other column in memory.
    """

    def __init__(self, path: Path) -> None:
        story = read_spec(path)
        self.path, self.spec, self.summary = path, story.spec, story.summary
        self.warnings, self.made_by = story.warnings or [], story.made_by
        self.columns = read_columns(path, [name for name in story.columns if name != "images"])
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

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None}


def open_dataset(path: str | Path) -> DerivedDataset:
    """The derived set at `path` as a torch Dataset; raises FeatsplitError where it is damaged or foreign."""
    return DerivedDataset(Path(path))
