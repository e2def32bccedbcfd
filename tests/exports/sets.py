"""A made-up derived set with every kind of column, and what its exports are compared with."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from featsplit.data.derived import Dtype, as_stored, read_columns, write_derived
from featsplit.data.shards import Columns
from featsplit.metadata.made_by import MadeBy, ModelCard
from featsplit.metadata.sets import SetSpec
from featsplit.metadata.training import Training

TOTAL, SHAPE = 67, (3, 6, 5)  # read in two pieces, see conftest
CLASSES = ("cat", "dog", "eel")
WARNING = "12 % of the images reached their new label; <b>raise</b> --eps | or more"
ADVERSARIAL = Training("adversarial", "pgd", "l2", 0.5, 7)
MADE_BY = MadeBy(
    ModelCard("/home/ann/standard.safetensors", "/home/ann/mine.py:make", Training("standard"), 0.91),
    ModelCard("robust.safetensors", "resnet8 width 8", ADVERSARIAL, 0.83),
)
SPEC = SetSpec(
    "perturb",
    {"source": "folder:/home/ann/photos", "limit": 67, "seed": 0},
    "train",
    parameters={"targets": "random", "exclude_own_label": False, "norm": "l2", "eps": 0.5, "steps": 100},
    name="rand",
    source_name="folder:/home/ann/photos",
    source_digest="ab" * 32,
    classes=CLASSES,
    model_digest="cd" * 32,
    control_digest="ef" * 32,
    seed=3,
    versions={"featsplit": "0.1.0", "torch": "2.6"},
)


def columns_of(rows: Tensor, dtype: Dtype, shape: tuple[int, int, int], classes: int) -> Columns:
    """Images that no two rows share, labels that are not in order, and a column of every type."""
    noise = [np.random.default_rng(int(row)).random(shape, dtype=np.float32) for row in rows]
    distance = 1 / (1 + rows.float() / 7)
    distance[rows == 5] = torch.inf
    return {
        "images": as_stored(torch.from_numpy(np.stack(noise)), dtype),
        "labels": (rows * 5 + 1) % classes,
        "source_index": 1000 - rows,
        "source_label": (rows * 3) % classes,
        "target": (rows * 2) % classes,
        "distance": distance,
        "success": rows % 3 != 0,
        "control_after": rows % 7,
    }


def summarise(columns: Columns) -> dict[str, float]:
    return {"success": 0.9, "control_before": 0.104, "control_after": 0.219}


def made(
    path: Path,
    *,
    dtype: Dtype = "float32",
    shape: tuple[int, int, int] = SHAPE,
    spec: SetSpec = SPEC,
    total: int = TOTAL,
) -> Path:
    """A set of `total` images, as `spec` says, with a warning."""
    options: dict[str, Any] = {"total": total, "batch_size": 16, "spec": spec, "made_by": MADE_BY}
    classes = max(len(spec.classes), 1)
    write_derived(
        path,
        lambda rows: columns_of(rows, dtype, shape, classes),
        summarise,
        examine=lambda _: [WARNING],
        **options,
    )
    return path


def columns(path: Path) -> dict[str, NDArray[Any]]:
    """Every column of the set at `path`."""
    names = [*columns_of(torch.arange(1), "uint8", (1, 1, 1), 1)]
    return {name: column.numpy() for name, column in read_columns(path, names).items()}


def rounded(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Images (N, C, H, W) as the nearest of 256 levels, by numpy, (N, H, W, C)."""
    levels = images if images.dtype == np.uint8 else np.round(images.astype(np.float32) * np.float32(255))
    return levels.astype(np.uint8).transpose(0, 2, 3, 1)


def table_of(lines: list[dict[str, str]]) -> dict[str, NDArray[Any]]:
    """The columns of a metadata.csv that was read by the csv module, as numbers."""
    truth = {"True": 1.0, "False": 0.0}
    names = [name for name in lines[0] if name != "file_name"]
    return {
        name: np.array([truth[line[name]] if line[name] in truth else float(line[name]) for line in lines])
        for name in names
    }
