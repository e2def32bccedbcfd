"""Images from .npz files: the layouts and types that are taken, and what is refused in which words."""

from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError, FeatsplitWarning


class Arrays(TypedDict, total=False):
    """The names that a file may have."""

    x_train: NDArray[Any]
    y_train: NDArray[Any]
    x_test: NDArray[Any]
    y_test: NDArray[Any]
    classes: NDArray[Any]
    labels: NDArray[Any]


def pixels(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def arrays(**changes: Unpack[Arrays]) -> Arrays:
    whole: Arrays = {
        "x_train": pixels(6, 5, 4),
        "y_train": np.arange(6) % 3,
        "x_test": pixels(3, 5, 4, seed=1),
        "y_test": np.arange(3),
    }
    return {**whole, **changes}


def saved(folder: Path, content: Arrays) -> str:
    np.savez(folder / "data.npz", **content)
    return f"npz:{folder / 'data.npz'}"


def refused(source: str) -> str:
    with pytest.raises(FeatsplitError) as error:
        load_data(DataSpec(source))
    return str(error.value)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((5, 4, 3), (0, 3, 1, 2)),
        ((5, 4, 1), (0, 3, 1, 2)),
        ((3, 5, 4), (0, 1, 2, 3)),
        ((1, 5, 4), (0, 1, 2, 3)),
        ((3, 5, 3), (0, 3, 1, 2)),
    ],
)
def test_channels_are_found_first_or_last(tmp_path: Path, shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    train, test = pixels(6, *shape), pixels(3, *shape, seed=1)[::-1]
    data = load_data(DataSpec(saved(tmp_path, arrays(x_train=train, x_test=test))))
    assert np.array_equal(data.train.images.numpy(), train.transpose(axes))
    assert np.array_equal(data.test.images.numpy(), test.transpose(axes))


def test_plain_images_labels_and_names(tmp_path: Path) -> None:
    content = arrays(y_train=(np.arange(6) % 3).astype(np.uint8)[:, None])
    source = saved(tmp_path, content)
    data = load_data(DataSpec(source))
    assert data.name == source
    assert data.train.images.dtype == torch.uint8
    assert np.array_equal(data.train.images.numpy(), content["x_train"][:, None])
    assert data.train.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert data.train.labels.dtype == torch.int64
    assert data.classes == ("0", "1", "2")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floating_point_is_kept_as_float32(tmp_path: Path, dtype: type[np.floating[Any]]) -> None:
    train = (pixels(6, 5, 4) / 255).astype(dtype)
    data = load_data(DataSpec(saved(tmp_path, arrays(x_train=train))))
    assert data.train.images.dtype == torch.float32
    assert np.array_equal(data.train.images[:, 0].numpy(), train.astype(np.float32))


@pytest.mark.parametrize("dtype", ["U", "S"])
def test_class_names_may_be_in_the_file(tmp_path: Path, dtype: str) -> None:
    content = arrays(classes=np.array(["cat", "dog", "fox"]).astype(dtype))
    assert load_data(DataSpec(saved(tmp_path, content))).classes == ("cat", "dog", "fox")


def mixed() -> NDArray[Any]:
    return np.array([1, "a", None, 2, 3, 4], dtype=object)


TYPES = 'must be uint8, or floating point in [0, 1]: .astype("uint8")'
SHAPES = "must be (N, H, W), (N, H, W, C) or (N, C, H, W) with 1 or 3 channels"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": pixels(6, 5, 4).astype(np.int64)}, f": x_train is int64; {TYPES}"),
        ({"x_test": np.zeros((3, 5, 4), bool)}, f": x_test is bool; {TYPES}"),
        ({"x_train": pixels(6, 20)}, f": x_train has shape (6, 20); {SHAPES}"),
        ({"x_test": pixels(3, 5, 4, 2)}, f": x_test has shape (3, 5, 4, 2); {SHAPES}"),
        (
            {"x_train": np.linspace(0, 255, 120).reshape(6, 5, 4)},
            ": x_train: pixels span 0 to 255; floating point must be in [0, 1]: divide them by 255, or save them as "
            "uint8",
        ),
        ({"y_train": np.arange(6.0)}, ": y_train is float64; labels must be integers 0, 1, ..."),
        (
            {"y_test": np.eye(3, dtype=int)},
            ": y_test has shape (3, 3); labels must be (N,) or (N, 1), one an image: keep one column, labels[:, :1], "
            "or labels.argmax(1) where they are one-hot",
        ),
        (
            {"y_train": np.array([0, 1, 2, 0, 1, 1000])},
            ": label 1000 with 6 train images; labels must be 0, 1, ..., K - 1",
        ),
        ({"classes": np.array(["a", "b", "a"])}, ": classes repeats a name; give each class its own"),
        (
            {"y_train": mixed()},
            ": y_train holds Python objects, which are never unpickled; save it as a plain numeric array",
        ),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, changes: Arrays, message: str) -> None:
    source = saved(tmp_path, arrays(**changes))
    assert refused(source) == f'data.source = "{source}"{message}'


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"x_train": np.full((6, 5, 4), np.nan)},
            ": train: image 0 has NaN or infinite pixels; repair or drop it",
        ),
        (
            {"x_train": np.linspace(-1, 1, 120).reshape(6, 5, 4)},
            ": train: pixels span -1 to 1; floating-point images must be in [0, 1]",
        ),
        ({"y_test": np.array([0, 1, 3])}, ": test: label 3 at index 2; labels must be in 0 ... 2"),
        ({"y_test": np.array([0, 1])}, ": test: 3 images but 2 labels; give one for each"),
        ({"x_test": pixels(3, 4, 4)}, ": test: images are (1, 4, 4), the train images (1, 5, 4); all must be alike"),
        ({"y_train": np.zeros(6, int)}, ": has 1 class; a classifier needs at least 2"),
        ({"x_train": pixels(0, 5, 4), "y_train": np.zeros(0, int)}, ": has 1 class; a classifier needs at least 2"),
    ],
)
def test_the_last_check_is_applied(tmp_path: Path, changes: Arrays, message: str) -> None:
    source = saved(tmp_path, arrays(**changes))
    assert refused(source) == source + message


def test_test_images_among_the_train_images_are_said(tmp_path: Path) -> None:
    test = np.concatenate([pixels(1, 5, 4, seed=1), pixels(6, 5, 4)[[4, 2]]])
    source = saved(tmp_path, arrays(x_test=test))
    with pytest.warns(FeatsplitWarning) as caught:
        load_data(DataSpec(source))
    assert [str(each.message) for each in caught] == [
        f"{source}: 2 of 3 test images are also among the train images (first: test 1 = train 4): accuracy on them is "
        "memory; remove them from one split, or give --holdout 0.2 to take others from train"
    ]
    load_data(DataSpec(source, holdout=0.5))


def test_a_missing_key_lists_those_found(tmp_path: Path) -> None:
    source = saved(tmp_path, {"x_train": pixels(6, 5, 4), "labels": np.arange(6)})
    assert refused(source) == (
        f'data.source = "{source}": has no y_train, x_test, y_test; it holds x_train, labels, and needs x_train, '
        "y_train, x_test, y_test"
    )


def test_a_missing_file(tmp_path: Path) -> None:
    source = f"npz:{tmp_path / 'none.npz'}"
    assert refused(source) == f'data.source = "{source}": there is no such file; give the path of a .npz file'


@pytest.mark.parametrize("kind", ["text", "empty", "npy", "npy of objects", "cut", "corrupt"])
def test_a_file_that_is_no_npz(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "data.npz"
    saved(tmp_path, arrays(x_train=pixels(6, 50, 40), x_test=pixels(3, 50, 40)))
    whole = path.read_bytes()
    contents = {"text": b"hello", "empty": b"", "cut": whole[:4000], "corrupt": whole[:900] + b"?" * 90 + whole[990:]}
    path.write_bytes(contents.get(kind, b""))
    if kind.startswith("npy"):
        with path.open("wb") as file:
            np.save(file, mixed() if kind == "npy of objects" else np.arange(3))
    expected = "is not a readable .npz file; write it with numpy.savez"
    assert refused(f"npz:{path}") == f'data.source = "npz:{path}": {expected}'
