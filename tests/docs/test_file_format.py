"""docs/file-format.md: its readers give what featsplit's own does, and refuse a changed byte."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import featsplit
from featsplit.exports.facts import COLUMNS
from featsplit.records.data import DTYPES, Dtype
from tests.exports.sets import CLASSES, made

PAGE = (Path(__file__).parents[2] / "docs" / "file-format.md").read_text()
Reader = Callable[[Path], tuple[dict[str, Any], dict[str, Any]]]


@pytest.fixture(scope="module")
def read_set() -> Reader:
    """The reader in numpy, as the page has it."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    assert "featsplit" not in code
    found: Reader = names["read_set"]
    return found


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_reader_in_numpy_gives_what_ours_gives(dtype: Dtype, read_set: Reader, tmp_path: Path) -> None:
    made(tmp_path / "set.h5", dtype=dtype)
    columns, metadata = read_set(tmp_path / "set.h5")
    ours = featsplit.open_dataset(tmp_path / "set.h5")
    for row in (0, 5, len(ours) - 1):
        image, label = ours[row]
        assert np.array_equal(columns["images"][row], image.numpy())
        assert columns["labels"][row] == label
    assert columns["images"].dtype == np.float32
    for name, column in ours.columns.items():
        assert np.array_equal(columns[name], column.numpy()), name
    assert set(columns) == {"images", *ours.columns}
    assert tuple(metadata["spec"]["classes"]) == ours.metadata.spec.classes
    assert metadata["summary"] == dict(ours.metadata.summary)


def test_the_reader_in_numpy_refuses_a_changed_column_and_changed_metadata(read_set: Reader, tmp_path: Path) -> None:
    made(tmp_path / "set.h5")
    shutil.copy(tmp_path / "set.h5", tmp_path / "said.h5")
    with h5py.File(tmp_path / "set.h5", "r+") as file:
        file["labels"][3] += 1
    with pytest.raises(ValueError, match=r"set.h5: its labels are not what was written"):
        read_set(tmp_path / "set.h5")
    with h5py.File(tmp_path / "said.h5", "r+") as file:
        file.attrs["summary"] = file.attrs["summary"].replace("0.9", "1.0")
    with pytest.raises(ValueError, match=r"said.h5: its metadata are not what was written"):
        read_set(tmp_path / "said.h5")


def test_every_column_is_in_the_table() -> None:
    table = PAGE[PAGE.index("| column ") : PAGE.index("\nOrder is C")]
    named = set(re.findall(r"`(\w+)`", " ".join(line.split("|")[1] for line in table.splitlines())))
    assert named == {"images", *COLUMNS} - {"file_name", "row", "image"}


@pytest.mark.slow
def test_the_reader_in_r_gives_the_same_and_refuses_a_changed_byte(tmp_path: Path) -> None:
    if not shutil.which("Rscript") or _r("library(rhdf5); library(jsonlite); library(digest)", tmp_path).returncode:
        pytest.skip("no R with rhdf5, jsonlite and digest")
    made(tmp_path / "set.h5")
    (code,) = re.findall(r"```r\n(.*?)```", PAGE, re.DOTALL)
    said = _r(f'{code}\nset <- read_set("set.h5"); cat(set$images[2, 3, 1, 4], set$labels[4], set$classes)', tmp_path)
    pixel, label, *classes = said.stdout.split()
    image, expected = featsplit.open_dataset(tmp_path / "set.h5")[3]
    assert float(pixel) == pytest.approx(float(image[0, 2, 1]), rel=1e-5)
    assert (int(label), tuple(classes)) == (expected, CLASSES)
    with h5py.File(tmp_path / "set.h5", "r+") as file:
        file["images"][3, 0, 0, 0] += 0.5
    assert "its images are not what was written" in _r(f'{code}\nread_set("set.h5")', tmp_path).stderr


def _r(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["Rscript", "-e", code], cwd=folder, capture_output=True, text=True, check=False)
