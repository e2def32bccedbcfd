"""A derived set in the place of a data set: its other split is its source's, which must be as it was."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from featsplit.data.derived import read_columns
from featsplit.data.images import ImageData
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError
from featsplit.models.classifier import Classifier
from featsplit.synthesis import Build, Perturb, build_perturb


def test_a_derived_set_serves_wherever_data_are_asked_for(
    tmp_path: Path, digits: ImageData, standard: Classifier
) -> None:
    path = tmp_path / "rand.h5"
    build_perturb(path, standard, digits, Perturb(eps=0.5, steps=2), build=Build(dtype="float16"))
    loaded = load_data(DataSpec(str(path)))
    assert torch.equal(loaded.train.labels, read_columns(path, ["target"])["target"])
    assert torch.equal(loaded.test.images, digits.test.images)
    assert loaded.classes == digits.classes


def test_a_derived_set_whose_source_changed_is_refused(tmp_path: Path, standard: Classifier) -> None:
    arrays: dict[str, Any] = {
        "x_train": np.random.default_rng(0).random((30, 8, 8), dtype=np.float32),
        "y_train": np.arange(30) % 10,
    }
    arrays |= {"x_test": 1 - arrays["x_train"], "y_test": arrays["y_train"]}
    np.savez(tmp_path / "own.npz", **arrays)
    data = load_data(DataSpec(f"npz:{tmp_path / 'own.npz'}"))
    build_perturb(tmp_path / "rand.h5", standard, data, Perturb(steps=1))
    np.savez(tmp_path / "own.npz", **{**arrays, "y_test": 9 - arrays["y_test"]})
    with pytest.raises(FeatsplitError, match=r'its source "npz:.*own\.npz" has changed since'):
        load_data(DataSpec(str(tmp_path / "rand.h5")))
