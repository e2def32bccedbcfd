"""A data set from a DataSpec: the options in their order, the errors, and the description that gives it back."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision.transforms.v2 import functional as oracle

from featsplit.data import sources
from featsplit.data.sources import DataSpec, describe, load_data, spec_from
from featsplit.errors import FeatsplitError


def refused(spec: DataSpec, **options: Any) -> str:
    with pytest.raises(FeatsplitError) as error:
        load_data(spec, **options)
    return str(error.value)


def test_an_unknown_source_suggests_the_nearest() -> None:
    assert refused(DataSpec("cifer10")) == (
        'data.source = "cifer10": must be one of digits, mnist, fashion-mnist, kmnist, cifar10, cifar100, svhn, '
        "planted, folder:PATH, npz:PATH, hf:FOLDER, hf:NAME, imagenet:PATH, restricted-imagenet:PATH, FILE.h5; "
        'did you mean "cifar10"?'
    )


def test_options_come_in_order() -> None:
    whole = load_data(DataSpec("digits"))
    spec = DataSpec("digits", resize=6, limit=31, limit_test=12, classes=("7", "3", "5"), holdout=0.2, seed=3)
    data = load_data(spec)
    assert (data.name, data.classes, data.shape) == ("digits", ("7", "3", "5"), (1, 6, 6))
    assert sorted(data.train.labels.bincount().tolist()) == [10, 10, 11]
    assert data.test.labels.bincount().tolist() == [4, 4, 4]
    pool = {oracle.resize(i, [6, 6], antialias=True).numpy().tobytes() for i in whole.train.images}
    train, test = ({image.numpy().tobytes() for image in split.images} for split in (data.train, data.test))
    assert train < pool
    assert test < pool
    assert not train & test
    assert data.digest == load_data(spec).digest


def test_the_origin_opens_the_same_data_again() -> None:
    data = load_data(DataSpec("digits", resize=6, limit=31, classes=("7", "3"), seed=3))
    assert data.origin == json.loads(json.dumps(data.origin))
    assert load_data(spec_from(data.origin)).digest == data.digest


def test_limits_apply_to_their_own_split() -> None:
    data = load_data(DataSpec("digits", limit=50))
    assert (len(data.train), len(data.test)) == (50, 360)
    data = load_data(DataSpec("digits", limit_test=50))
    assert (len(data.train), len(data.test)) == (1437, 50)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (DataSpec("digits", limit=3), "data.limit = 3: must be at least 10, one image a class"),
        (DataSpec("digits", limit_test=0), "data.limit_test = 0: must be at least 10, one image a class"),
        (
            DataSpec("digits", limit=1, classes=("3", "4")),
            "data.limit = 1: must be at least 2, one image a class",
        ),
        (DataSpec("digits", resize=0), "data.resize = 0: must be at least 1, the side of the images in pixels"),
        (
            spec_from({"source": "digits", "resize": 4, "resize_mode": "crob"}),
            'data.resize_mode = "crob": must be one of squeeze, crop; did you mean "crop"?',
        ),
        (
            DataSpec("digits", resize_mode="crop"),
            'data.resize_mode = "crop": says how to resize, and data.resize is not given; give --resize N, the side in '
            "pixels",
        ),
        (
            DataSpec("digits", holdout=1.0),
            "data.holdout = 1: must be at least 0 and below 1, the part of the train images to validate on",
        ),
        (
            DataSpec("digits", holdout=-0.5),
            "data.holdout = -0.5: must be at least 0 and below 1, the part of the train images to validate on",
        ),
        (
            DataSpec("digits", classes=("0", "11")),
            'data.classes = "11": must be one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9; did you mean "1"?',
        ),
    ],
)
def test_options_that_do_not_fit(spec: DataSpec, message: str) -> None:
    assert refused(spec) == message


@pytest.mark.parametrize("classes", [None, ("3", "4")])
def test_a_description_gives_the_spec_back(classes: tuple[str, ...] | None) -> None:
    spec = DataSpec("digits", resize=6, limit=31, classes=classes, holdout=0.2, seed=3)
    assert spec_from(describe(spec)) == spec
    assert describe(spec)["classes"] == (["3", "4"] if classes else None)


def test_the_origin_has_the_whole_names_however_classes_were_written(tmp_path: Path) -> None:
    """So that the same data have the same origin; and files that were made with whole names are those of the same."""
    images, labels = np.random.default_rng(0).integers(0, 256, (2, 12, 4, 4), np.uint8), np.arange(12) % 3
    names = np.array(["3 - three", "5 - five", "8 - eight"])
    arrays: dict[str, Any] = {
        "x_train": images[0],
        "y_train": labels,
        "x_test": images[1],
        "y_test": labels,
        "classes": names,
    }
    np.savez(tmp_path / "a.npz", **arrays)
    source = f"npz:{tmp_path / 'a.npz'}"
    written: list[tuple[str | int, ...]] = [("8 - eight", "3 - three"), ("8", "3"), (2, 0), ("8 -", 0), (8, 3)]
    loaded = [load_data(DataSpec(source, classes=words)) for words in written]
    assert {str(data.origin) for data in loaded} == {str(loaded[0].origin)}
    assert loaded[0].origin["classes"] == ["8 - eight", "3 - three"]
    assert len({data.digest for data in loaded}) == 1
    assert describe(DataSpec("mnist", classes=(3, "5"))) == describe(DataSpec("mnist", classes=("3", "5")))


@pytest.mark.parametrize("kind", ["photos", "photos/", "mine.npz", "saved", "saved-one", "tables", "repository"])
def test_a_path_in_the_place_of_a_source_suggests_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {"mine.npz": "mine.npz", "saved": "saved/dataset_dict.json", "saved-one": "saved-one/state.json"}
    more = {"tables": "tables/train-0.parquet", "repository": "repository/data/test.parquet"}
    path = tmp_path / {**files, **more}.get(kind, "photos/cat/1.png")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("?")
    prefix = {"mine.npz": "npz", "photos": "folder", "photos/": "folder"}.get(kind, "hf")
    said = f'data.source = "{kind}": is no source by itself; did you mean "{prefix}:{kind}"?'
    assert refused(DataSpec(kind)) == said
    assert refused(DataSpec(f"{tmp_path}/{kind}")) == said.replace(f'"{kind}"', f'"{tmp_path}/{kind}"').replace(
        f":{kind}", f":{tmp_path}/{kind}"
    )


def test_a_path_where_nothing_lies_suggests_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.npz").mkdir()
    (tmp_path / "notes.txt").write_text("?")
    assert "must be one of digits" in refused(DataSpec(f"{tmp_path}/photos"))
    assert "must be one of digits" in refused(DataSpec(f"{tmp_path}/notes.txt"))
    assert "must be one of digits" in refused(DataSpec("a" * 300))
    assert f'did you mean "folder:{tmp_path}/mine.npz"' in refused(DataSpec(f"{tmp_path}/mine.npz"))


def test_a_folder_of_tables_is_suggested_in_the_place_of_a_folder_of_images(tmp_path: Path) -> None:
    (tmp_path / "train-0.parquet").write_text("?")
    assert refused(DataSpec(f"folder:{tmp_path}")).endswith(f'did you mean "hf:{tmp_path}"?')


def test_the_usual_resize_mode_is_not_in_a_description() -> None:
    """The descriptions in files made before there was another are still those of the same data."""
    before = {
        "source": "digits", "resize": 6, "limit": None, "limit_test": None, "classes": None, "holdout": 0.0, "seed": 0
    }  # fmt: skip
    assert describe(DataSpec("digits", resize=6)) == before
    assert spec_from(before) == DataSpec("digits", resize=6, resize_mode="squeeze")
    crop = DataSpec("digits", resize=6, resize_mode="crop")
    assert spec_from(json.loads(json.dumps(describe(crop)))) == crop


def test_a_description_with_an_unknown_field() -> None:
    with pytest.raises(FeatsplitError) as error:
        spec_from({"source": "digits", "limits": 3})
    assert str(error.value) == (
        'data = "limits": must be one of source, resize, limit, limit_test, classes, holdout, seed, resize_mode; '
        'did you mean "limit"?'
    )


def test_loading_the_digits_costs_neither_torchvision_nor_scikit_learn() -> None:
    load = "import sys, featsplit.data.sources as data; data.load_data(data.DataSpec('digits'))"
    code = f"{load}; sys.exit(bool({{'torchvision', 'sklearn'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_derived_data_set_is_left_to_its_own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = load_data(DataSpec("digits"))
    asked: list[Any] = []

    def load_derived(path: Path, *, root: Path, download: bool, elsewhere: str, test: bool) -> Any:
        asked.extend([path, root, download, elsewhere, test])
        return digits

    monkeypatch.setattr(sources, "load_derived", load_derived)
    data = load_data(DataSpec("runs/det.h5", limit=20), root=tmp_path, download=True, elsewhere="digits")
    assert asked == [Path("runs/det.h5"), tmp_path, True, "digits", True]
    assert (data.name, len(data.train)) == ("runs/det.h5", 20)
