"""A made-up set in the layout of the release, and what is said of one that is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from featsplit.data.madrylab import import_madrylab
from featsplit.errors import FeatsplitError

N = 2100  # more than two shards


def images(n: int = N) -> Tensor:
    """Images of CIFAR-10's shape whose first pixel tells their row."""
    made = torch.rand((n, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    made[:, 0, 0, 0] = torch.arange(n) / n
    return made


def labels(n: int = N) -> Tensor:
    return torch.arange(n) * 7 % 10


def write(folder: Path, ims: Any, labs: Any, *, zipped: bool = False) -> Path:
    """A set as the release has it; torch 1.1, which wrote that, knew no zip files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in (("CIFAR_ims", ims), ("CIFAR_lab", labs)):
        torch.save(value, folder / name, _use_new_zipfile_serialization=zipped)
    return folder


def refused(folder: Path, **options: Any) -> str:
    with pytest.raises(FeatsplitError) as error:
        import_madrylab(folder, folder.with_name("no.h5"), **options)
    assert "\n" not in str(error.value)
    assert not folder.with_name("no.h5").exists()
    return str(error.value)
