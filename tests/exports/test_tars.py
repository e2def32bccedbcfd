"""Tar shards: what the webdataset library and Hugging Face read is the set, to the bit."""

import math
import tarfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from featsplit.data.derived import Dtype
from featsplit.exports import Export, export
from tests.exports.sets import TOTAL, columns, made

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # of their libraries

TARS = Export("webdataset", shard=16)


def read(out: Path, image: str) -> list[tuple[NDArray[Any], int, dict[str, Any]]]:
    """Every example, as the library decodes it."""
    webdataset: Any = import_module("webdataset")
    tars = sorted(str(tar) for tar in out.glob("*.tar"))
    rows = webdataset.WebDataset(tars, shardshuffle=False, empty_check=False).decode("pil")
    return [(np.asarray(pixels), label, told) for pixels, label, told in rows.to_tuple(image, "cls", "json")]


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
def test_the_library_reads_the_same(tmp_path: Path, dtype: Dtype) -> None:
    path, out = made(tmp_path / "set.h5", dtype=dtype), tmp_path / "out"
    export(path, out, TARS)
    names = sorted(tar.name for tar in out.glob("*.tar"))
    assert [name.rpartition("-")[2] for name in names] == [f"{number:06d}.tar" for number in range(5)]
    found, expected = read(out, "png" if dtype == "uint8" else "npy"), columns(path)
    images = np.stack([image for image, _, _ in found])
    assert images.dtype == expected["images"].dtype
    assert np.array_equal(images.transpose(0, 3, 1, 2) if dtype == "uint8" else images, expected["images"])
    assert [label for _, label, _ in found] == expected["labels"].tolist()
    for name in set(expected) - {"images"}:
        assert [told[name] for _, _, told in found] == expected[name].tolist(), name


def test_infinity_is_json_that_any_reader_takes(tmp_path: Path) -> None:
    path, out = made(tmp_path / "set.h5"), tmp_path / "out"
    export(path, out, TARS)
    with tarfile.open(min(out.glob("*.tar"))) as tar:
        content = tar.extractfile("000000005.json")
        assert content is not None
        text = content.read().decode()
    assert '"distance": 1e999' in text
    assert math.isinf(read(out, "npy")[5][2]["distance"])


def test_hugging_face_reads_the_same(tmp_path: Path) -> None:
    path, out = made(tmp_path / "set.h5", dtype="uint8"), tmp_path / "out"
    export(path, out, TARS)
    found = import_module("datasets").load_dataset(str(out), split="train", cache_dir=str(tmp_path / "cache"))
    expected = columns(path)
    assert [row["source_index"] for row in found["json"]] == expected["source_index"].tolist()
    assert found["cls"] == expected["labels"].tolist()
    images = np.stack([np.asarray(image) for image in found["png"]])
    assert np.array_equal(images.transpose(0, 3, 1, 2), expected["images"])


def test_shards_are_cut_where_they_should_be_whatever_is_read_at_a_time(
    tmp_path: Path,
) -> None:
    path, out = made(tmp_path / "set.h5", total=300), tmp_path / "out"
    export(path, out, Export("webdataset", shard=100))
    sizes = list[int]()
    for tar in sorted(out.glob("*.tar")):
        with tarfile.open(tar) as opened:
            names = opened.getnames()
        keys = range(100 * len(sizes), 100 * len(sizes) + 100)
        assert names == [f"{key:09d}.{kind}" for key in keys for kind in ("npy", "cls", "json")]
        sizes.append(len(names))
    assert sizes == [300] * 3
    assert [label for _, label, _ in read(out, "npy")] == columns(path)["labels"].tolist()


def test_the_same_set_gives_the_same_bytes_and_another_has_another_name(tmp_path: Path) -> None:
    path = made(tmp_path / "set.h5", dtype="uint8")
    for name, settings in (("a", TARS), ("b", TARS), ("c", Export("webdataset", shard=17))):
        export(path, tmp_path / name, settings)
    export(made(tmp_path / "other.h5", dtype="uint8", total=TOTAL - 1), tmp_path / "d", TARS)
    first, again, *others = ({tar.name: tar.read_bytes() for tar in (tmp_path / n).glob("*.tar")} for n in "abcd")
    assert first == again
    assert len(first) == 5
    for other in others:
        assert not first.keys() & other.keys()
