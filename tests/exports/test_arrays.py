"""One .npz: what numpy reads is the set, and with the other split it is a data set of featsplit's own."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from featsplit.data.derived import Dtype
from featsplit.data.images import ImageData
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError
from featsplit.exports import Export, export
from featsplit.metadata.sets import NOT_TOLD
from featsplit.models.classifier import Classifier
from featsplit.synthesis import Match, build_match
from tests.exports.sets import SPEC, TOTAL, columns, made

NPZ = Export("npz")


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
def test_numpy_reads_every_column_as_it_is(tmp_path: Path, dtype: Dtype) -> None:
    path = made(tmp_path / "set.h5", dtype=dtype)
    assert export(path, tmp_path / "set.npz", NPZ) == (TOTAL, f"the images are kept as they are, {dtype}")
    expected = columns(path)
    with np.load(tmp_path / "set.npz", allow_pickle=False) as found:
        names = {"x_train": "images", "y_train": "labels"}
        assert {names.get(key, key) for key in found.files} == {*expected, "classes", "metadata"}
        for key in set(found.files) - {"classes", "metadata"}:
            column = expected[names.get(key, key)]
            assert found[key].dtype == column.dtype
            assert np.array_equal(found[key], column), key
        assert found["classes"].tolist() == ["cat", "dog", "eel"]
        told = json.loads(str(found["metadata"]))
    assert told["spec"]["perturb"]["eps"] == 0.5
    assert "/home" not in json.dumps(told)
    assert sorted(place.name for place in tmp_path.iterdir()) == ["set.h5", "set.npz", "set.npz.json", "set.npz.md"]


def test_the_bytes_are_the_same_each_time(tmp_path: Path) -> None:
    path = made(tmp_path / "set.h5")
    for name in ("a", "b"):
        export(path, tmp_path / f"{name}.npz", NPZ)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_with_the_other_split_it_is_a_whole_data_set(digits: ImageData, standard: Classifier, tmp_path: Path) -> None:
    path, out = tmp_path / "set.h5", tmp_path / "set.npz"
    build_match(path, standard, digits, Match(steps=1))
    export(path, out, Export("npz", other_split=True), source=digits)
    found, expected = load_data(DataSpec(f"npz:{out}")), load_data(DataSpec(str(path)))
    assert found.classes == expected.classes
    for mine, theirs in ((found.train, expected.train), (found.test, expected.test)):
        assert mine.images.dtype == theirs.images.dtype
        assert mine.images.equal(theirs.images)
        assert mine.labels.equal(theirs.labels)


@pytest.mark.parametrize(
    ("digest", "given", "message"),
    [
        (NOT_TOLD, True, r"images are \(3, 6, 5\), those of its source \(1, 8, 8\); leave --other-split out"),
        ("ab" * 32, True, r'set\.h5: was made of other data than "digits"; give those as its source'),
        ("ab" * 32, False, r"export\.other_split: takes the images from source=DATA, which is not given"),
    ],
)
def test_another_source_is_refused(digits: ImageData, tmp_path: Path, digest: str, given: bool, message: str) -> None:
    path = made(tmp_path / "set.h5", spec=replace(SPEC, source_digest=digest))
    with pytest.raises(FeatsplitError, match=message):
        export(path, tmp_path / "set.npz", Export("npz", other_split=True), source=digits if given else None)
    assert [place.name for place in tmp_path.iterdir()] == ["set.h5"]
