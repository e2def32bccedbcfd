"""Data sets of Hugging Face: what `datasets` wrote is what is read, from its folders, from parquet, from its cache."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from featsplit.data.places import absolute, path_of
from featsplit.data.sources import load_data, spec_from
from featsplit.errors import FeatsplitWarning
from tests.data.pictures import save
from tests.data.tables import NAMES, arrays, both, grey, holds, load, refused, saved, table


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The bars of `datasets`, which the source must not turn on or off for others, are on."""
    datasets.enable_progress_bars()
    yield
    assert not datasets.are_progress_bars_disabled()


def test_a_saved_dataset_dict(tmp_path: Path) -> None:
    train, test = grey(), grey(seed=1, count=4)
    source = saved(tmp_path / "d", both(train, test))
    data = load(source)
    assert (data.name, data.classes, data.shape) == (source, ("cat", "dog"), (1, 5, 6))
    assert data.train.images.dtype == torch.uint8
    holds(data, train, test)


def test_rows_that_were_selected_and_shuffled_are_those_that_datasets_shows(tmp_path: Path) -> None:
    train, test = grey(count=90).shuffle(seed=3).select(range(70)), grey(seed=1)
    holds(load(saved(tmp_path / "d", both(train, test))), train, test)


def test_colour_and_grey_make_all_colour(tmp_path: Path) -> None:
    train = table([*arrays(2, 5, 6, 3), *arrays(2, 5, 6, seed=1)], [0, 1, 0, 1])
    data = load(saved(tmp_path / "d", both(train, grey(seed=2))))
    assert data.shape == (3, 5, 6)
    assert np.array_equal(data.train.images[2].numpy(), np.stack([np.asarray(train[2]["image"])] * 3))


def test_the_same_images_in_a_folder_give_the_same_data(tmp_path: Path) -> None:
    """EXIF, transparency and 16 bits too: the bytes are decoded by the same code."""
    kinds = [("png", "RGBA"), ("jpg", "RGB"), ("tif", "L"), ("webp", "RGB")]
    for split in ("train", "test"):
        for seed, (kind, mode) in enumerate(kinds):
            array = arrays(1, 8, 8, 4 if mode == "RGBA" else 3, seed=seed + 10 * (split == "test"))[0]
            save(tmp_path / "f" / split / NAMES[seed % 2] / f"{seed}.{kind}", array, mode)
    with pytest.warns(FeatsplitWarning, match="2 of 8 images have transparency"):
        folder = load(f"folder:{tmp_path / 'f'}")

    def of(split: str) -> Any:
        files = sorted((tmp_path / "f" / split).rglob("*.*"))
        content: dict[str, Any] = {"image": list(map(str, files)), "label": [NAMES.index(f.parent.name) for f in files]}
        features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=NAMES)})
        return datasets.Dataset.from_dict(content, features=features)

    source = saved(tmp_path / "d", both(of("train"), of("test")))
    with pytest.warns(FeatsplitWarning, match="2 of 8 images have transparency"):
        assert load(source).digest == folder.digest


@pytest.mark.parametrize(
    ("names", "folder"),
    [
        (("train-00000-of-00001", "test-00000-of-00001"), "."),
        (("data/train-00000-of-00001", "data/test-00000-of-00001"), "."),
        (("default/train/0000", "default/test/0000"), "."),
        (("fine/train", "fine/test"), "fine"),
        (("digits_TRAIN", "digits_test_v2"), "."),
    ],
    ids=["flat", "data", "exported", "of one of several", "by parts of names"],
)
def test_parquet_as_repositories_of_the_hub_have_it(tmp_path: Path, names: tuple[str, str], folder: str) -> None:
    train, test = grey(), grey(seed=1, count=4)
    for name, split in zip(names, (train, test), strict=True):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        split.to_parquet(str(tmp_path / f"{name}.parquet"))
    if folder != ".":
        (tmp_path / "coarse").mkdir()
        train.to_parquet(str(tmp_path / "coarse/train.parquet"))
        assert refused(f"hf:{tmp_path}") == "holds 2 data sets (coarse, fine); give the folder of one of them"
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "train-x.parquet").write_text("hidden")
    holds(load(f"hf:{tmp_path / folder}"), train, test)


def test_parquet_in_several_files_is_joined_in_order(tmp_path: Path) -> None:
    train, test = grey(count=9), grey(seed=1)
    for number in range(3):
        train.select(range(3 * number, 3 * number + 3)).to_parquet(
            str(tmp_path / f"train-{number:05d}-of-00003.parquet")
        )
    test.to_parquet(str(tmp_path / "test-00000-of-00001.parquet"))
    holds(load(f"hf:{tmp_path}"), train, test)


def test_parquet_of_others_whose_columns_say_no_more_than_their_type(tmp_path: Path) -> None:
    """As pandas or pyarrow write it: bytes, or a struct of bytes and path, and whole numbers."""
    train, test = grey(), grey(seed=1, count=4)
    for name, split in (("train", train), ("test", test)):
        cells = split.cast_column("image", datasets.Image(decode=False))["image"][:]
        struct = pa.table({"image": cells, "labels": pa.array(split["label"][:], pa.int8())})
        pq.write_table(struct, tmp_path / f"{name}.parquet")
        plain = pa.table(
            {"png": [cell["bytes"] for cell in cells], "label": split["label"][:], "more": ["x"] * len(split)}
        )
        (tmp_path / "plain").mkdir(exist_ok=True)
        pq.write_table(plain, tmp_path / "plain" / f"{name}.parquet")
    data = load(f"hf:{tmp_path / 'plain'}")
    assert data.classes == ("0", "1")
    holds(data, train, test)
    (tmp_path / "plain").rename(tmp_path / ".plain")
    assert load(f"hf:{tmp_path}").digest == data.digest


def test_images_that_are_named_and_not_in_the_file(tmp_path: Path) -> None:
    """As a data set has them that was not saved by `datasets`."""
    train, test = grey(), grey(seed=1)
    for name, split in (("train", train), ("test", test)):
        paths = [str(save(tmp_path / name / f"{row}.png", np.asarray(split[row]["image"]))) for row in range(6)]
        kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        cells = pa.array([{"bytes": None, "path": path} for path in paths], kind)
        pq.write_table(pa.table({"image": cells, "label": split["label"][:]}), tmp_path / f"{name}.parquet")
    holds(load(f"hf:{tmp_path}"), train, test)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize(("kind", "shape"), [("Array2D", (5, 6)), ("Array3D", (5, 6, 3)), ("Array3D", (1, 5, 6))])
@pytest.mark.parametrize("parquet", [False, True])
def test_arrays_of_pixels(tmp_path: Path, dtype: str, kind: str, shape: tuple[int, ...], parquet: bool) -> None:
    def of(seed: int) -> tuple[Any, Any]:
        rng = np.random.default_rng(seed)
        whole = rng.integers(0, 256, (70, *shape), dtype=np.uint8)
        images = whole if dtype == "uint8" else (whole / 255).astype(np.float32)
        features = {"x": getattr(datasets, kind)(shape=shape, dtype=dtype), "label": datasets.ClassLabel(names=NAMES)}
        content = {"x": list(images), "label": [row % 2 for row in range(70)]}
        return images, datasets.Dataset.from_dict(content, features=datasets.Features(features))

    (images, train), (_, test) = of(0), of(1)
    source = f"hf:{tmp_path / 'd'}"
    if parquet:
        for name, split in (("train", train), ("test", test)):
            split.to_parquet(str(tmp_path / "d" / f"{name}.parquet"))
    else:
        saved(tmp_path / "d", both(train, test))
    data = load(source)
    channels_first = images[:, None] if len(shape) == 2 else images if shape[0] == 1 else images.transpose(0, 3, 1, 2)
    assert data.train.images.dtype == getattr(torch, dtype)
    assert np.array_equal(data.train.images.numpy(), channels_first)


def test_resize_takes_images_of_any_size(tmp_path: Path) -> None:
    train = table([*arrays(2, 5, 6), *arrays(2, 9, 7, seed=1)], [0, 1, 0, 1])
    source = saved(tmp_path / "d", both(train, grey(seed=2)))
    assert (
        refused(source)
        == "train row 0 is 6 x 5 but train row 2 is 7 x 9 pixels; all must share one size: give --resize N"
    )
    assert load(source, resize=4).shape == (1, 4, 4)


def test_the_validation_split_stands_for_a_test_split_that_is_not_there(tmp_path: Path) -> None:
    train, other = grey(), grey(seed=1, count=4)
    source = saved(tmp_path / "d", datasets.DatasetDict({"train": train, "validation": other}))
    with pytest.warns(FeatsplitWarning) as caught:
        holds(load(source), train, other)
    assert [str(each.message) for each in caught] == [
        f"{source}: has no test split; its validation split stands for it"
    ]


def test_splits_that_are_left_out_are_said(tmp_path: Path) -> None:
    train, test = grey(), grey(seed=1, count=4)
    source = saved(tmp_path / "d", both(train, test, validation=grey(seed=2), extra=grey(seed=3, count=2)))
    with pytest.warns(FeatsplitWarning) as caught:
        holds(load(source), train, test)
    assert [str(each.message) for each in caught] == [
        f"{source}: left out: validation (6), extra (2); what is read is train and test"
    ]


def test_without_a_test_split_holdout_cuts_it(tmp_path: Path) -> None:
    whole = grey(count=20)
    for name, dataset in (("one", whole), ("dict", datasets.DatasetDict({"train": whole}))):
        source = saved(tmp_path / name, dataset)
        assert refused(source) == "has no test split, only train; give --holdout 0.2 to cut one"
        data = load(source, holdout=0.2)
        assert (len(data.train), len(data.test)) == (16, 4)
        both_parts = {image.numpy().tobytes() for part in (data.train, data.test) for image in part.images}
        assert both_parts == {np.asarray(row["image"]).tobytes() for row in whole}


def test_of_several_columns_of_labels_one_is_chosen(tmp_path: Path) -> None:
    """As CIFAR-100 has them."""
    content = {
        "img": [Image.fromarray(a) for a in arrays(4, 5, 6)],
        "fine_label": [0, 1, 2, 3],
        "coarse_label": [1, 1, 0, 0],
    }
    kinds = {
        "fine_label": datasets.ClassLabel(names=list("abcd")),
        "coarse_label": datasets.ClassLabel(names=list("xy")),
    }
    features = datasets.Features({"img": datasets.Image(), **kinds})
    whole = datasets.Dataset.from_dict(content, features=features)
    source = saved(tmp_path / "d", both(whole, whole.select([3, 2, 1, 0])))
    assert refused(source) == (
        "has 2 columns of labels, fine_label, coarse_label; choose one by writing #fine_label behind the source"
    )
    assert 'did you mean "fine_label"' in refused(f"{source}#fine")
    assert refused(f"{source}#a,b,c") == "chooses 3 columns; write #LABEL or #IMAGE,LABEL behind it"
    with pytest.warns(FeatsplitWarning, match="4 of 4 test images are also among the train images"):
        fine = load(f"{source}#fine_label")
    assert (fine.classes, fine.train.labels.tolist()) == (tuple("abcd"), [0, 1, 2, 3])
    with pytest.warns(FeatsplitWarning, match="first: test row 0 = train row 3"):
        coarse = load(f"{source}#img,coarse_label")
    assert (coarse.classes, coarse.train.labels.tolist()) == (("x", "y"), [1, 1, 0, 0])


def test_the_origin_opens_the_same_data_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path / "d", both(grey(), grey(seed=1)))
    monkeypatch.chdir(tmp_path)
    data = load("hf:d#image,label", holdout=0.4)
    assert data.origin["source"] == f"hf:{tmp_path}/d#image,label"
    monkeypatch.chdir("/")
    assert load_data(spec_from(data.origin)).digest == data.digest
    assert path_of(f"hf:{tmp_path}/d#image,label") == tmp_path / "d"
    assert absolute("hf:owner/name:config#label") == "hf:owner/name:config#label"
    assert path_of("hf:owner/name") is None
    assert path_of("hf:./gone/name") == Path("gone/name")


def test_a_folder_whose_name_has_signs_in_it_is_a_folder(tmp_path: Path) -> None:
    assert load(saved(tmp_path / "a#b:c", both(grey(), grey(seed=1)))).classes == ("cat", "dog")
