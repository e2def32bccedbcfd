"""croissant.json: mlcroissant finds nothing wrong with it, and reads the records and the images that it describes."""

import hashlib
import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from featsplit.data.derived import Dtype
from featsplit.exports import Export, export
from featsplit.exports.croissant import CONFORMS_TO
from featsplit.records.exports import FORMATS, Format
from tests.exports.sets import SPEC, TOTAL, columns, made, rounded

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of their libraries
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning"),  # of mlcroissant
]


@pytest.fixture
def croissant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The library, which keeps what it unpacks in a folder of the test's."""
    constants = import_module("mlcroissant._src.operation_graph.operations.extract")
    monkeypatch.setattr(constants, "EXTRACT_PATH", import_module("etils.epath").Path(tmp_path / "unpacked"))
    return import_module("mlcroissant")


def described(folder: Path, format_: Format, dtype: Dtype = "uint8") -> tuple[Path, Path]:
    """A set and the croissant.json of its export."""
    path, out = made(folder / "set.h5", dtype=dtype), folder / ("out.npz" if format_ == "npz" else "out")
    settings = Export(format_, license="MIT", shard=16 if format_ == "webdataset" else None)
    export(path, out, settings)
    return path, folder / "out.npz.json" if format_ == "npz" else out / "croissant.json"


@pytest.mark.parametrize("format_", FORMATS)
def test_nothing_is_wrong_with_it(croissant: Any, tmp_path: Path, format_: Format) -> None:
    _, file = described(tmp_path, format_)
    found = croissant.Dataset(jsonld=str(file))
    assert not found.metadata.ctx.issues.errors
    assert not found.metadata.ctx.issues.warnings
    assert str(found.metadata.ctx.conforms_to.value) == CONFORMS_TO == "http://mlcommons.org/croissant/1.1"
    assert found.metadata.license == ["https://spdx.org/licenses/MIT"]
    assert [record["classes/name"] for record in found.records("classes")] == ["cat", "dog", "eel"]


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("format_", ["folder", "webdataset", "madrylab"])
def test_its_records_are_the_rows_of_the_set(croissant: Any, tmp_path: Path, format_: Format, dtype: Dtype) -> None:
    path, file = described(tmp_path, format_, dtype)
    found = sorted(croissant.Dataset(jsonld=str(file)).records("records"), key=lambda one: -one["records/source_index"])
    expected = columns(path)
    assert len(found) == TOTAL
    for name in set(expected) - {"images"}:
        read = np.array([record[f"records/{name}"] for record in found])
        assert np.array_equal(read, expected[name].astype(read.dtype)), name
    if format_ == "folder" or (format_ == "webdataset" and dtype == "uint8"):
        images = np.stack([np.asarray(record["records/image"]) for record in found])
        assert np.array_equal(images, rounded(expected["images"]))


@pytest.mark.parametrize("format_", FORMATS)
def test_every_file_is_listed_with_its_digest(tmp_path: Path, format_: Format) -> None:
    _, file = described(tmp_path, format_)
    listed = [one for one in json.loads(file.read_text())["distribution"] if one["@type"] == "cr:FileObject"]
    for one in listed:
        path = file.parent / one["contentUrl"]
        assert one["contentSize"] == f"{path.stat().st_size} B"
        assert one["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    if format_ != "npz":
        there = {place for place in file.parent.rglob("*") if place.is_file() and place.suffix != ".png"}
        assert {file.parent / one["@id"] for one in listed} == there - {file, file.parent / "README.md"}


@pytest.mark.parametrize("format_", ["folder", "webdataset", "madrylab"])
def test_a_changed_table_is_refused_by_the_library(croissant: Any, tmp_path: Path, format_: Format) -> None:
    _, file = described(tmp_path, format_)
    (table,) = file.parent.rglob("metadata.csv")
    table.write_text(table.read_text().replace("1000", "1001", 1))
    with pytest.raises(croissant.GenerationError) as error:
        list(croissant.Dataset(jsonld=str(file)).records("records"))
    assert re.match(r"Hash of downloaded file .* is not identical", str(error.value.__cause__))


def test_two_sets_of_tars_are_not_taken_for_one_another(croissant: Any, tmp_path: Path) -> None:
    """The library keeps what it has unpacked, by name."""
    for name, total in (("one", TOTAL), ("two", TOTAL - 5)):
        (tmp_path / name).mkdir()
        path = made(tmp_path / name / "set.h5", dtype="uint8", total=total)
        export(path, tmp_path / name / "out", Export("webdataset"))
        found = croissant.Dataset(jsonld=str(tmp_path / name / "out" / "croissant.json")).records("records")
        assert len(list(found)) == total


def test_it_tells_of_what_how_and_by_what_the_set_was_made(tmp_path: Path) -> None:
    _, file = described(tmp_path, "folder")
    told = json.loads(file.read_text())
    assert told["prov:wasDerivedFrom"] == {
        "@type": "prov:Entity",
        "@id": f"urn:sha256:{SPEC.source_digest}",
        "prov:label": "folder:photos (limit 67), train split",
    }
    made_by = told["prov:wasGeneratedBy"]
    assert made_by["prov:label"].startswith("perturb: targets random, exclude_own_label no, norm l2, eps 0.5")
    assert made_by["prov:wasAssociatedWith"]["prov:label"] == "featsplit 0.1.0"
    assert "Warning: 12 % of the images" in told["description"]
    assert "/home" not in file.read_text()
