"""Files as MedMNIST publishes them: six arrays, labels (N, 1), three splits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError, FeatsplitWarning
from tests.data.pictures import pixels

SIZES = {"train": 12, "val": 4, "test": 6}


def arrays(*shape: int, **changes: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """What `dict(numpy.load("pathmnist.npz"))` is like."""
    whole = dict[str, NDArray[Any]]()
    for seed, (split, size) in enumerate(SIZES.items()):
        whole[f"{split}_images"] = pixels(size, *shape, seed=seed)
        whole[f"{split}_labels"] = (np.arange(size, dtype=np.uint8) % 3)[:, None]
    return {**whole, **changes}


def saved(path: Path, content: dict[str, Any]) -> str:
    np.savez_compressed(path, **content)
    return f"npz:{path}"


def refused(source: str, **kept: Any) -> str:
    with pytest.raises(FeatsplitError) as error:
        load_data(DataSpec(source, **kept))
    return str(error.value).removeprefix(f'data.source = "{source}": ')


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 3), (64, 64, 3)], ids=["grey", "colour", "of another size"])
def test_images_and_labels_are_those_of_the_file_and_the_validation_images_are_in_neither(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    content = arrays(*shape)
    source = saved(tmp_path / "pathmnist.npz", content)
    with pytest.warns(FeatsplitWarning) as caught:
        data = load_data(DataSpec(source))
    assert [str(each.message) for each in caught] == [
        f"{source}: its 4 validation images (val_images) are in neither split"
    ]
    assert data.classes == ("0", "1", "2")
    for split, own in (("train", data.train), ("test", data.test)):
        expected = content[f"{split}_images"]
        expected = expected[:, None] if expected.ndim == 3 else expected.transpose(0, 3, 1, 2)
        assert np.array_equal(own.images.numpy(), expected)
        assert own.labels.tolist() == content[f"{split}_labels"][:, 0].tolist()


def test_the_same_arrays_under_our_own_names_are_the_same_data(tmp_path: Path) -> None:
    content = arrays(28, 28)
    own = {"x_train": "train_images", "y_train": "train_labels", "x_test": "test_images", "y_test": "test_labels"}
    ours = saved(tmp_path / "ours.npz", {name: content[key] for name, key in own.items()})
    with pytest.warns(FeatsplitWarning):
        theirs = load_data(DataSpec(saved(tmp_path / "theirs.npz", content)))
    assert load_data(DataSpec(ours)).digest == theirs.digest


def test_of_a_file_with_both_our_names_are_read_and_nothing_is_said(tmp_path: Path) -> None:
    content = arrays(28, 28)
    mine: dict[str, NDArray[Any]] = {
        "x_train": pixels(4, 9, 9),
        "y_train": np.arange(4) % 2,
        "x_test": pixels(2, 9, 9, seed=7),
    }
    data = load_data(DataSpec(saved(tmp_path / "a.npz", {**content, **mine, "y_test": np.arange(2)})))
    assert data.shape == (1, 9, 9)


def test_several_labels_an_image_are_refused_with_what_to_do(tmp_path: Path) -> None:
    """As ChestMNIST has them; and what the line says makes it two classes."""
    labels = {f"{split}_labels": np.eye(14, dtype=np.uint8)[np.arange(size) % 2] for split, size in SIZES.items()}
    content = arrays(28, 28, **labels)
    said = refused(saved(tmp_path / "chestmnist.npz", content))
    assert said == (
        "train_labels has shape (12, 14); labels must be (N,) or (N, 1), one an image: keep one column, labels[:, :1], "
        "or labels.argmax(1) where they are one-hot"
    )
    one = {name: column[:, :1] for name, column in labels.items()}
    with pytest.warns(FeatsplitWarning, match="validation"):
        assert load_data(DataSpec(saved(tmp_path / "one.npz", {**content, **one}))).classes == ("0", "1")


@pytest.mark.parametrize(
    ("changes", "dropped", "message"),
    [
        ({}, ["test_images", "test_labels"], "; --holdout 0.2 cuts test images from the others"),
        ({}, ["train_labels"], "has no train_labels; it holds train_images, val_images, val_labels, test_images, "),
        ({"train_images": pixels(12, 28, 28, 28)}, [], "train_images has shape (12, 28, 28, 28); must be (N, H, W)"),
        ({"train_labels": np.zeros((12, 1), np.float32)}, [], "train_labels is float32; labels must be integers"),
        ({"test_labels": np.full((6, 1), 9)}, [], "test: label 9 at index 0; labels must be in 0 ... 2"),
        ({"train_labels": np.arange(11) % 3}, [], "train: 12 images but 11 labels; give one for each"),
        ({"test_images": pixels(6, 9, 9)}, [], "test: images are (1, 9, 9), the train images (1, 28, 28)"),
    ],
)
@pytest.mark.filterwarnings("ignore::featsplit.errors.FeatsplitWarning")
def test_files_that_do_not_fit(tmp_path: Path, changes: dict[str, Any], dropped: list[str], message: str) -> None:
    content = {name: array for name, array in arrays(28, 28, **changes).items() if name not in dropped}
    assert message in refused(saved(tmp_path / "a.npz", content))


@pytest.mark.parametrize("ours", [False, True])
def test_without_test_images_holdout_cuts_them(tmp_path: Path, ours: bool) -> None:
    content = arrays(28, 28)
    images, labels = ("x_train", "y_train") if ours else ("train_images", "train_labels")
    source = saved(tmp_path / "a.npz", {images: content["train_images"], labels: content["train_labels"]})
    assert "; --holdout 0.2 cuts test images from the others" in refused(source)
    data = load_data(DataSpec(source, holdout=0.25))
    assert (len(data.train), len(data.test)) == (9, 3)


def test_a_class_without_an_image_is_said(tmp_path: Path) -> None:
    labels = np.array([0, 2, 3] * 4)[:, None]
    content = arrays(28, 28, train_labels=labels)
    source = saved(tmp_path / "a.npz", {name: array for name, array in content.items() if "val" not in name})
    with pytest.warns(FeatsplitWarning) as caught:
        data = load_data(DataSpec(source))
    assert len(data.classes) == 4
    assert [str(each.message) for each in caught] == [
        f"{source}: 1 of 4 classes has no image to train on (first: 1); leave them out by --classes"
    ]
    assert load_data(DataSpec(source, classes=(0, 2, 3))).classes == ("0", "2", "3")
