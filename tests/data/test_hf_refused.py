"""What is no data set of Hugging Face, or not one to classify: a line each, and nothing in it is executed."""

import json
import sys
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from featsplit.errors import FeatsplitWarning
from tests.data.tables import NAMES, arrays, both, grey, load, refused, saved, table


def test_without_the_extra_the_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = saved(tmp_path / "d", both(grey(), grey(seed=1)))
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert refused(source) == 'needs the package datasets: pip install "featsplit[hf]"'
    assert refused("hf:someone/pets") == 'needs the package datasets: pip install "featsplit[hf]"'


def test_a_folder_called_datasets_is_not_taken_for_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = saved(tmp_path / "d", both(grey(), grey(seed=1)))
    monkeypatch.setitem(sys.modules, "datasets", type(sys)("datasets"))
    assert refused(source) == 'needs the package datasets: pip install "featsplit[hf]"'


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("hf:", "is no folder, and no name of the hub, which is NAME or OWNER/NAME"),
        ("hf:a b", "is no folder, and no name of the hub, which is NAME or OWNER/NAME"),
        ("hf:../../nowhere-at-all", "there is no such folder; it must be one of save_to_disk, or hold .parquet files"),
        ("hf:a/b/c", "there is no such folder; it must be one of save_to_disk, or hold .parquet files"),
        ("hf:pandas", "is a kind of file, and no data set; give OWNER/NAME, or a folder"),
        ("hf:imagefolder", "is a kind of file, and no data set; give OWNER/NAME, or a folder"),
        (f"hf:{__file__}", "is a file; give the folder that holds it"),
    ],
)
def test_names_that_are_none(source: str, message: str) -> None:
    if source == f"hf:{__file__}":
        message = "there is no such folder; it must be one of save_to_disk, or hold .parquet files"
    assert refused(source) == message


def test_an_empty_folder_and_one_with_a_script_alone(tmp_path: Path) -> None:
    said = f"holds neither a data set of save_to_disk nor .parquet files; if it holds images, write folder:{tmp_path}"
    assert refused(f"hf:{tmp_path}") == said
    (tmp_path / f"{tmp_path.name}.py").write_text("raise SystemExit('executed')")
    assert refused(f"hf:{tmp_path}") == said
    assert refused(f"hf:{tmp_path}:big") == f"a folder has no configurations; write hf:{tmp_path}/big"


@pytest.mark.parametrize("damage", ["cut", "no file", "no json", "foreign json", "unknown feature", "no split"])
def test_a_damaged_folder_of_save_to_disk(tmp_path: Path, damage: str) -> None:
    source = saved(tmp_path / "d", both(grey(), grey(seed=1)))
    file, info = tmp_path / "d/train/data-00000-of-00001.arrow", tmp_path / "d/train/dataset_info.json"
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:300])
    elif damage == "no file":
        file.unlink()
    elif damage == "no json":
        (tmp_path / "d/dataset_dict.json").write_text("{")
    elif damage == "foreign json":
        (tmp_path / "d/train/state.json").write_text("{}")
    elif damage == "unknown feature":
        content = json.loads(info.read_text())
        content["features"]["image"]["_type"] = "Nothing"
        info.write_text(json.dumps(content))
    else:
        (tmp_path / "d/dataset_dict.json").write_text('{"splits": ["train", "other"]}')
    said = refused(source)
    assert said.startswith("cannot be read (")
    assert said.endswith("); write it again")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all", b"cut", b"changed"])
def test_parquet_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    grey(seed=1).to_parquet(str(tmp_path / "test.parquet"))
    path = tmp_path / "train.parquet"
    grey(count=40).to_parquet(str(path))
    whole = path.read_bytes()
    middle = len(whole) // 3
    changed = whole[:middle] + bytes(255 - byte for byte in whole[middle : middle + 400]) + whole[middle + 400 :]
    path.write_bytes({b"cut": whole[:-50], b"changed": changed}.get(content, content))
    assert "train" in refused(f"hf:{tmp_path}")


def write(folder: Path, name: str = "train", **columns: Any) -> Path:
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    return folder


def cells(count: int = 4) -> list[Any]:
    whole = grey(count=count).cast_column("image", datasets.Image(decode=False))
    return list(whole["image"][:])


def test_columns_that_are_missing_or_of_another_kind(tmp_path: Path) -> None:
    bytes_of = [cell["bytes"] for cell in cells()]
    images = "; it needs a column of images, such as datasets.Image"
    labels = "; it needs one of labels: whole numbers called label or labels, or ClassLabel, which "
    labels += "dataset.class_encode_column(NAME) makes of another"
    cases: list[tuple[dict[str, Any], str]] = [
        ({"x": [1.0] * 4}, f"has no column of images (x (float64)){images}"),
        ({"x": bytes_of}, f"has no column of labels (x (binary)){labels}"),
        ({"x": bytes_of, "label": list("abab")}, f"has no column of labels (x (binary), label (string)){labels}"),
        (
            {"x": bytes_of, "y": bytes_of},
            "has 2 columns of images, x, y; choose one by writing #x,LABEL behind the source",
        ),
        ({f"c{n:02d}": [1.0] for n in range(20)}, "c11 (float64) ...)"),
    ]
    for number, (columns, message) in enumerate(cases):
        write(tmp_path / str(number), **columns)
        write(tmp_path / str(number), "test", **columns)
        assert message in refused(f"hf:{tmp_path / str(number)}")
    assert refused(f"hf:{tmp_path}/2#label") == (
        'column label is string; labels must be ClassLabel or whole numbers: dataset.class_encode_column("label") '
        "makes it so"
    )
    assert refused(f"hf:{tmp_path}/2#label,x") == (
        "column label is string; images must be Image, Array2D, Array3D, or the bytes of image files"
    )


def test_a_column_of_texts_becomes_labels_as_the_line_says(tmp_path: Path) -> None:
    whole = datasets.Dataset.from_dict({"x": [cell["bytes"] for cell in cells(8)], "label": list("abab" * 2)})
    encoded = whole.class_encode_column("label")
    data = load(saved(tmp_path / "d", encoded), holdout=0.25)
    assert data.classes == ("a", "b")


def test_labels_out_of_range_and_missing(tmp_path: Path) -> None:
    source = saved(tmp_path / "a", both(grey(), table(arrays(3, 5, 6, seed=1), [0, None, 1])))
    assert refused(source) == "test row 1 has no label; fill it in, or drop the row"
    source = saved(tmp_path / "b", both(grey(), table(arrays(3, 5, 6, seed=1), [-1, -1, -1])))
    assert refused(source) == f"{source}: test: label -1 at index 0; labels must be in 0 ... 1"
    write(tmp_path / "c", image=cells(), label=[0, 1, 7, 0])
    write(tmp_path / "c", "test", image=cells(), label=[0, 1, 0, 0])
    assert refused(f"hf:{tmp_path / 'c'}") == "label 7 with 4 train images; labels must be 0, 1, ..., K - 1"
    info = tmp_path / "a/test/dataset_info.json"
    info.write_text(info.read_text().replace('"dog"', '"fox"'))
    assert refused(f"hf:{tmp_path / 'a'}") == "test has other class names than train; both must have the same"


def test_classes_that_have_one_name_or_no_image(tmp_path: Path) -> None:
    source = saved(
        tmp_path / "a",
        both(table(arrays(4, 5, 6), [0, 2, 0, 2], list("abc")), table(arrays(1, 5, 6, seed=1), [0], list("abc"))),
    )
    with pytest.warns(FeatsplitWarning) as caught:
        data = load(source)
    assert data.classes == tuple("abc")
    assert [str(each.message) for each in caught] == [
        f"{source}: 1 of 3 classes has no image to train on (first: b); leave them out by --classes"
    ]
    info = tmp_path / "a/train/dataset_info.json"
    info.write_text(info.read_text().replace('"b"', '"a"'))
    assert refused(source).startswith("cannot be read (")


def test_images_that_are_none(tmp_path: Path) -> None:
    content = cells(6)
    broken = [*content[:2], {"bytes": b"no image", "path": None}, {"bytes": content[3]["bytes"][:-30], "path": None}]
    broken += [None, {"bytes": None, "path": "/nowhere/1.png"}]
    write(tmp_path / "d", image=broken, label=[0, 1] * 3)
    write(tmp_path / "d", "test", image=content, label=[0, 1] * 3)
    reasons = "(not an image), train row 4 (empty), train row 5 (empty), train row 3 (truncated)"
    assert refused(f"hf:{tmp_path / 'd'}") == (
        f"4 files cannot be read as 8- or 16-bit images: train row 2 {reasons}; repair or remove them"
    )


def test_splits_that_are_empty_or_differ(tmp_path: Path) -> None:
    source = saved(tmp_path / "a", both(grey(), grey(seed=1).select([])))
    assert refused(source) == "test is empty; it needs at least one image, or be left out"
    for name, split in (("train", grey().select([])), ("test", grey().select([]))):
        split.to_parquet(str(tmp_path / "b" / f"{name}.parquet"))
    assert refused(f"hf:{tmp_path / 'b'}") == f"hf:{tmp_path / 'b'}: train is empty; it needs at least one image"
    grey().to_parquet(str(tmp_path / "b" / "train.parquet"))
    assert refused(f"hf:{tmp_path / 'b'}") == f"hf:{tmp_path / 'b'}: test is empty; it needs at least one image"
    source = saved(tmp_path / "c", datasets.DatasetDict({"one": grey(), "two": grey(seed=1)}))
    assert refused(source) == "has no train split; its splits are one, two"
    source = saved(tmp_path / "d", both(grey(), grey(seed=1).rename_column("label", "y")))
    assert refused(source) == 'test: column = "label": must be one of image, y'
    write(tmp_path / "e", "train-0", image=cells(), label=[0, 1, 0, 1])
    write(tmp_path / "e", "train-1", image=cells(), label=[0.0, 1, 0, 1])
    assert (
        refused(f"hf:{tmp_path / 'e'}")
        == "train-1.parquet has other columns than train-0.parquet; a split has the same"
    )


def test_arrays_that_are_no_images(tmp_path: Path) -> None:
    def of(kind: Any, content: Any) -> Any:
        features = datasets.Features({"x": kind, "label": datasets.ClassLabel(names=NAMES)})
        return datasets.Dataset.from_dict({"x": content, "label": [0, 1]}, features=features)

    for number, (kind, content, message) in enumerate(
        [
            (
                datasets.Array2D((5, 6), "int64"),
                np.zeros((2, 5, 6), int),
                "train: x is int64; must be uint8, or floating",
            ),
            (
                datasets.Array3D((5, 6, 2), "uint8"),
                np.zeros((2, 5, 6, 2), "u1"),
                "train: x has shape (2, 5, 6, 2); must be",
            ),
            (
                datasets.Array3D((None, 5, 3), "uint8"),
                [np.zeros((4, 5, 3), "u1"), np.zeros((7, 5, 3), "u1")],
                "differ in size",
            ),
            (
                datasets.Array2D((5, 6), "float32"),
                np.full((2, 5, 6), 9.0, "f4"),
                "pixels span 9 to 9; floating point must be",
            ),
            (datasets.Array2D((5, 6), "uint8"), [None, np.zeros((5, 6), "u1")], "train row 0 has no image; fill it in"),
        ]
    ):
        source = saved(tmp_path / str(number), both(of(kind, content), of(kind, content)))
        assert message in refused(source)


def test_parquet_that_unpacks_to_more_than_images_can_need(tmp_path: Path) -> None:
    """Two million equal rows are some thousand bytes, and so would be any number of them."""
    count = 2_000_000
    same = pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int8)), pa.array([cells(1)[0]["bytes"]]))
    pq.write_table(pa.table({"image": same, "label": np.zeros(count, np.int8)}), tmp_path / "train.parquet")
    assert (tmp_path / "train.parquet").stat().st_size < 100_000
    assert "unpack to 2000000 rows" in refused(f"hf:{tmp_path}", holdout=0.2)


def test_a_file_of_no_split_among_others_is_said(tmp_path: Path) -> None:
    for name in ("train", "test", "more"):
        write(
            tmp_path,
            name,
            image=[{"bytes": Image.new("L", (3, 3), len(name) + n)._repr_png_(), "path": None} for n in (0, 9)],
            label=[0, 1],
        )
    with pytest.warns(FeatsplitWarning) as caught:
        load(f"hf:{tmp_path}")
    assert "1 .parquet files are of no split by their names (first: more.parquet): left out" in str(caught[0].message)
