"""The layout of the published sets, with what they have no place for beside it."""

import csv
import os
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from featsplit.data.derived import Dtype
from featsplit.exports import Export, export
from tests.exports.sets import columns, made, table_of


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
def test_their_two_lines_read_the_images_and_csv_the_rest(tmp_path: Path, dtype: Dtype) -> None:
    path, out = made(tmp_path / "set.h5", dtype=dtype), tmp_path / "out"
    export(path, out, Export("madrylab"))
    images = torch.cat(torch.load(os.path.join(out, "CIFAR_ims")))
    labels = torch.cat(torch.load(os.path.join(out, "CIFAR_lab")))
    expected = columns(path)
    scale = np.float32(255 if dtype == "uint8" else 1)
    assert images.dtype == torch.float32
    assert np.array_equal(images, expected["images"].astype(np.float32) / scale)
    assert np.array_equal(labels, expected["labels"])
    with (out / "metadata.csv").open(newline="") as file:
        found = table_of(list(csv.DictReader(file)))
    assert np.array_equal(found.pop("row"), np.arange(len(labels)))
    for name, column in found.items():
        assert np.array_equal(column, expected[name].astype(np.float64)), name
    assert set(found) == set(expected) - {"images"}


@pytest.mark.filterwarnings("ignore")  # invalid escape sequences in its docstrings
def test_their_code_takes_it(tmp_path: Path) -> None:
    path, out = made(tmp_path / "set.h5"), tmp_path / "out"
    export(path, out)
    images, labels = (torch.cat(torch.load(out / name)) for name in ("CIFAR_ims", "CIFAR_lab"))
    found = import_module("robustness.tools.folder").TensorDataset(images, labels)
    image, label = found[7]
    assert np.array_equal(image, columns(path)["images"][7])
    assert int(label) == columns(path)["labels"][7]
