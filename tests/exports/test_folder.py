"""PNG files by class: what torchvision, Hugging Face and the csv module read is the set, but for rounding."""

import csv
import shutil
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from featsplit.data.derived import Dtype
from featsplit.errors import FeatsplitError
from featsplit.exports import Export, export
from featsplit.exports.pixels import Scale, scale_of
from featsplit.metadata.sets import read_set_metadata
from tests.exports.sets import SPEC, TOTAL, columns, made, rounded, table_of

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # of their libraries

FOLDER = Export("folder")


def lines_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "train" / "metadata.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def pixels(path: Path) -> NDArray[Any]:
    """(H, W, C)."""
    array = np.asarray(Image.open(path))
    return array if array.ndim == 3 else array[..., None]


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
@pytest.mark.parametrize("shape", [(3, 6, 5), (1, 4, 7)])
def test_torchvision_reads_the_same_images_under_the_same_labels(
    tmp_path: Path, dtype: Dtype, shape: tuple[int, int, int]
) -> None:
    path = made(tmp_path / "set.h5", dtype=dtype, shape=shape)
    assert export(path, tmp_path / "out", FOLDER)[0] == TOTAL
    found = import_module("torchvision.datasets").ImageFolder(tmp_path / "out" / "train")
    expected = columns(path)
    assert found.classes == ["cat", "dog", "eel"]
    rows = [int(Path(file).stem) for file, _ in found.samples]
    assert sorted(rows) == [*range(TOTAL)]
    assert [label for _, label in found.samples] == expected["labels"][rows].tolist()
    read = np.stack([pixels(Path(file)) for file, _ in found.samples])
    assert np.array_equal(read, rounded(expected["images"])[rows])


def test_the_table_has_every_column_exactly_and_the_file_of_each_row(tmp_path: Path) -> None:
    path = made(tmp_path / "set.h5")
    export(path, tmp_path / "out", FOLDER)
    lines, expected = lines_of(tmp_path / "out"), columns(path)
    assert [*lines[0]][:2] == ["file_name", "labels"]
    found = table_of(lines)
    assert set(found) == {*expected} - {"images"}
    for name, column in found.items():
        assert np.array_equal(column, expected[name].astype(np.float64)), name
    read = np.stack([pixels(tmp_path / "out" / "train" / line["file_name"]) for line in lines])
    assert np.array_equal(read, rounded(expected["images"]))


@pytest.mark.parametrize("how", ["imagefolder", "by its card"])
def test_hugging_face_loads_it_with_every_column(tmp_path: Path, how: str) -> None:
    datasets = import_module("datasets")
    path, out = made(tmp_path / "set.h5"), tmp_path / "out"
    export(path, out, FOLDER)
    kind = {"path": "imagefolder", "data_dir": str(out)} if how == "imagefolder" else {"path": str(out)}
    found = datasets.load_dataset(**kind, split="train", cache_dir=str(tmp_path / "cache"))
    expected, order = columns(path), np.argsort([1000 - index for index in found["source_index"]])
    assert len(found) == TOTAL
    for name in set(expected) - {"images"}:
        assert np.array_equal(np.array(found[name])[order], expected[name]), name
    read = np.stack([np.asarray(image) for image in found["image"]])[order]
    assert np.array_equal(read, rounded(expected["images"]))


def test_classes_of_any_name_keep_their_labels(tmp_path: Path) -> None:
    spec = replace(SPEC, classes=("zebra/../..", "<b>", "A", "a", "never"))
    path = made(tmp_path / "set.h5", spec=spec, total=4)
    export(path, tmp_path / "out", FOLDER)
    assert {place.name for place in tmp_path.iterdir()} == {"set.h5", "out"}
    root = tmp_path / "out" / "train"
    found = import_module("torchvision.datasets").ImageFolder(root, allow_empty=True)
    assert found.classes == ["0_zebra_.._", "1__b_", "2_A", "3_a", "4_never"]
    expected = columns(path)["labels"]
    assert {int(Path(file).stem): label for file, label in found.samples} == dict(enumerate(expected.tolist()))
    assert "allow_empty=True" in (tmp_path / "out" / "README.md").read_text()


def test_what_rounding_costs_is_said(tmp_path: Path) -> None:
    """By numpy: the largest and the mean change in 255ths, and the longest of an image beside eps."""
    path = made(tmp_path / "set.h5")
    _, says = export(path, tmp_path / "out", FOLDER)
    images = columns(path)["images"].astype(np.float64)
    change = np.abs(np.round(images * 255) / 255 - images)
    longest = np.sqrt((change.reshape(len(images), -1) ** 2).sum(axis=1)).max()
    assert says == (
        f"the images are rounded to 8 bits: a value changes by {255 * change.max():.2g}/255 at most and by "
        f"{255 * change.mean():.2g}/255 on average, an image by {longest:.2g} in l2 at most, "
        f"{100 * longest / 0.5:.2g} % of eps 0.5"
    )
    assert says in (tmp_path / "out" / "README.md").read_text()


def test_rounding_of_a_set_without_eps_is_said_alone_and_of_8_bits_there_is_none(tmp_path: Path) -> None:
    matched = replace(SPEC, method="match", parameters={"tolerance": 0.0}, name="robust")
    _, says = export(made(tmp_path / "a.h5", spec=matched), tmp_path / "a", FOLDER)
    assert says.endswith("/255 on average")
    _, says = export(made(tmp_path / "b.h5", dtype="uint8"), tmp_path / "b", FOLDER)
    assert says == "the images are of 8 bits a channel, and are kept as they are"


@pytest.mark.parametrize(
    ("method", "norm", "summary", "expected"),
    [
        ("perturb", "linf", {}, Scale("linf", 0.5, "eps 0.5")),
        ("attack", "l1", {"median_distance": 0.25}, Scale("l1", 0.25, "the median distance 0.25")),
        ("attack", "l0", {"median_distance": 3.0}, None),
        ("attack", "l2", {}, None),
        ("match", None, {}, None),
    ],
)
def test_what_rounding_is_compared_with(
    tmp_path: Path, method: str, norm: str | None, summary: dict[str, float], expected: Scale | None
) -> None:
    metadata = read_set_metadata(made(tmp_path / "set.h5"))
    spec = replace(metadata.spec, method=method, parameters={"norm": norm, "eps": 0.5 if method == "perturb" else []})
    assert scale_of(replace(metadata, spec=spec, summary=summary)) == expected


def test_rows_are_read_a_few_at_a_time_and_none_is_lost(tmp_path: Path) -> None:
    path = made(tmp_path / "set.h5", total=150)
    export(path, tmp_path / "out", FOLDER)
    lines, expected = lines_of(tmp_path / "out"), columns(path)
    assert [line["file_name"].rpartition("/")[2] for line in lines] == [f"{row:05d}.png" for row in range(150)]
    assert np.array_equal(table_of(lines)["labels"], expected["labels"])
    assert np.array_equal(
        pixels(tmp_path / "out" / "train" / lines[149]["file_name"]), rounded(expected["images"])[149]
    )


def test_a_set_of_the_test_images_lies_in_test(tmp_path: Path) -> None:
    export(made(tmp_path / "set.h5", spec=replace(SPEC, split="test")), tmp_path / "out", FOLDER)
    assert len(list((tmp_path / "out" / "test").glob("*/*.png"))) == TOTAL
    assert not (tmp_path / "out" / "train").exists()


def test_a_split_of_another_name_leads_nowhere_else(tmp_path: Path) -> None:
    export(made(tmp_path / "set.h5", spec=replace(SPEC, split="../../x")), tmp_path / "out", FOLDER)
    assert (tmp_path / "out" / "train").is_dir()
    assert {place.name for place in tmp_path.iterdir()} == {"set.h5", "out"}


def test_it_serves_as_the_training_images_of_a_folder_source(tmp_path: Path) -> None:
    """featsplit's own reader: the exported folder, with test images of the user's beside it."""
    from featsplit.data.sources import DataSpec, load_data

    path = made(tmp_path / "set.h5")
    export(path, tmp_path / "out", FOLDER)
    shutil.copytree(tmp_path / "out" / "train", tmp_path / "out" / "test")
    with pytest.warns(match="also among the train images"):
        data = load_data(DataSpec(f"folder:{tmp_path}/out"))
    expected = columns(path)
    order = np.argsort(expected["labels"], kind="stable")
    assert data.classes == ("cat", "dog", "eel")
    assert np.array_equal(data.train.labels, expected["labels"][order])
    assert np.array_equal(data.train.images.permute(0, 2, 3, 1), rounded(expected["images"])[order])


def test_images_of_other_channels_are_refused(tmp_path: Path) -> None:
    path = made(tmp_path / "set.h5", shape=(2, 4, 4))
    with pytest.raises(FeatsplitError, match=r"images have 2 channels; a PNG has 1 or 3: give --format npz or hf"):
        export(path, tmp_path / "out", FOLDER)
    assert [place.name for place in tmp_path.iterdir()] == ["set.h5"]
