"""Images from folders, against arrays that were written with Pillow and against torchvision's ImageFolder."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.transforms.v2 import functional as oracle

from featsplit.data.images import ImageData
from featsplit.data.selection import resized
from featsplit.data.sources import DataSpec, load_data, spec_from
from featsplit.errors import FeatsplitError, FeatsplitWarning


def pixels(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(path: Path, array: NDArray[Any], mode: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes of two train images and one test image, 6 wide and 5 high, in colour."""
    for seed, name in enumerate(
        ["train/cat/1", "train/cat/2", "train/dog/1", "train/dog/2", "test/cat/1", "test/dog/1"]
    ):
        save(tmp_path / f"{name}.png", pixels(5, 6, 3, seed=seed))
    return tmp_path


def load(root: Path, resize: int | None = None) -> ImageData:
    return load_data(DataSpec(f"folder:{root}", resize=resize))


def refused(root: Path, resize: int | None = None) -> str:
    with pytest.raises(FeatsplitError) as error:
        load(root, resize)
    place = f'data.source = "folder:{root}": '
    assert str(error.value).startswith(place)
    return str(error.value).removeprefix(place)


def test_images_and_labels_are_those_of_the_files(root: Path) -> None:
    data = load(root)
    assert data.name == f"folder:{root}"
    assert data.classes == ("cat", "dog")
    assert data.train.labels.tolist() == [0, 0, 1, 1]
    assert data.test.labels.tolist() == [0, 1]
    for seed, image in enumerate(torch.cat([data.train.images, data.test.images])):
        assert np.array_equal(image.numpy(), pixels(5, 6, 3, seed=seed).transpose(2, 0, 1))


def test_files_are_found_and_read_as_by_image_folder(root: Path) -> None:
    save(root / "train/cat/a.JPG", pixels(5, 6, 3, seed=7))
    save(root / "train/cat/sub/b.bmp", pixels(5, 6, 3, seed=8))
    save(root / "train/dog/c.png", pixels(5, 6), mode="P")
    save(root / "train/dog/d.webp", pixels(5, 6, 3, seed=9))
    opaque = np.dstack([pixels(5, 6, 3, seed=10), np.full((5, 6), 255, np.uint8)])
    save(root / "train/dog/e.png", opaque, mode="RGBA")
    save(root / "train/dog/f.png", pixels(5, 6, seed=11))
    expected = ImageFolder(str(root / "train"))
    (root / "train/dog/._d.png").write_text("not an image")
    (root / "train/.cache").mkdir()
    split = load(root).train
    assert split.labels.tolist() == [label for _, label in expected] == [0] * 4 + [1] * 6
    for image, (picture, _) in zip(split.images, expected, strict=True):
        assert torch.equal(image, oracle.pil_to_tensor(picture))


def test_val_stands_in_for_test(root: Path) -> None:
    before = load(root)
    (root / "test").rename(root / "val")
    assert torch.equal(load(root).test.images, before.test.images)
    save(root / "test/cat/1.png", pixels(5, 6, 3, seed=20))
    save(root / "test/dog/1.png", pixels(5, 6, 3, seed=21))
    assert np.array_equal(load(root).test.images[1].numpy(), pixels(5, 6, 3, seed=21).transpose(2, 0, 1))


def grey_folder(root: Path) -> Path:
    for file in root.rglob("*.png"):
        save(file, pixels(5, 6, seed=file.is_relative_to(root / "test")))
    return root


def test_all_grey_gives_one_channel(root: Path) -> None:
    grey_folder(root)
    save(root / "train/cat/1.png", pixels(5, 6) > 127)
    save(root / "train/cat/2.png", np.dstack([pixels(5, 6), np.full((5, 6), 255, np.uint8)]), mode="LA")
    images = load(root).train.images
    assert np.array_equal(images[0, 0].numpy(), (pixels(5, 6) > 127) * 255)
    assert np.array_equal(images[1, 0].numpy(), pixels(5, 6))
    assert np.array_equal(images[2:, 0].numpy(), np.stack([pixels(5, 6)] * 2))


@pytest.mark.parametrize("colour", [False, True])
def test_sixteen_bits_are_scaled_to_eight(root: Path, colour: bool) -> None:
    if not colour:
        grey_folder(root)
    save(root / "train/cat/1.png", pixels(5, 6).astype(np.uint16) * 257)
    save(root / "train/cat/2.tif", pixels(5, 6).astype(np.int32) * 257)
    images = load(root).train.images
    assert images.shape[1] == (3 if colour else 1)
    assert np.array_equal(images[0].numpy(), np.stack([pixels(5, 6)] * images.shape[1]))
    assert np.array_equal(images[2 if colour else 1, 0].numpy(), pixels(5, 6))


def test_one_colour_image_makes_all_colour(root: Path) -> None:
    grey_folder(root)
    save(root / "test/dog/1.png", pixels(5, 6, 3))
    assert np.array_equal(load(root).train.images[0].numpy(), np.stack([pixels(5, 6)] * 3))


def test_resize_takes_images_of_any_size(root: Path) -> None:
    save(root / "train/cat/1.png", pixels(40, 9, 3))
    image = load(root, 8).train.images[0]
    expected = oracle.resize(torch.from_numpy(pixels(40, 9, 3).transpose(2, 0, 1).copy()), [8, 8], antialias=True)
    assert torch.equal(image, expected)


def test_different_sizes_need_resize(root: Path) -> None:
    save(root / "train/dog/2.png", pixels(9, 7, 3))
    assert refused(root) == (
        "train/cat/1.png is 6 x 5 but train/dog/2.png is 7 x 9 pixels; all must share one size: give --resize N"
    )


def test_a_test_image_of_another_size_needs_resize(root: Path) -> None:
    save(root / "test/cat/1.png", pixels(9, 7, 3))
    assert "but test/cat/1.png is 7 x 9 pixels" in refused(root)


def test_missing_folders(root: Path) -> None:
    rule = "it must hold train/ and test/ (or val/), one folder a class"
    assert refused(root / "none") == "there is no such folder; give one that holds train/ and test/ (or val/)"
    (root / "test").rename(root / "extra")
    assert refused(root) == f"has no test/ or val/; {rule}"
    (root / "train").rename(root / "test")
    assert refused(root) == f"has no train/; {rule}"


def test_folders_without_classes(root: Path, tmp_path: Path) -> None:
    (root / "train/dog").rename(root / "dog")
    assert refused(root) == "train/ has 1 class, cat; a classifier needs at least 2"
    (root / "train/cat").rename(root / "cat")
    assert refused(root) == "train/ has no class folders; put the images of each class in its own"


def test_class_sets_that_differ(root: Path) -> None:
    save(root / "test/fox/1.png", pixels(5, 6, 3))
    assert refused(root) == "train/ has no fox; both splits must have the same classes"
    (root / "test/dog").rename(root / "test/cow")
    assert refused(root) == "test/ has no dog; both splits must have the same classes"


def test_a_class_without_images(root: Path) -> None:
    (root / "test/dog/1.png").rename(root / "test/dog/1.txt")
    assert refused(root) == "test/dog/ has no images; add some, or remove the class"


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("text", "not an image"),
        ("empty", "empty"),
        ("cut", "truncated"),
        ("floating point", "floating-point pixels"),
        ("link", "a link to nothing"),
    ],
)
def test_a_file_that_cannot_be_read(root: Path, kind: str, why: str) -> None:
    path = root / "train/dog/2.png"
    if kind == "floating point":
        path = save(path.with_suffix(".tif"), pixels(5, 6).astype(np.float32))
    elif kind == "link":
        path.unlink()
        path.symlink_to(root / "gone.png")
    else:
        path.write_bytes({"text": b"hello", "empty": b"", "cut": path.read_bytes()[:90]}[kind])
    place = path.relative_to(root)
    assert refused(root) == f"{place} ({why}) cannot be read as an 8- or 16-bit image; repair it or remove it"


@pytest.mark.parametrize("content", [b"hello", b""], ids=["by the headers", "by the pixels"])
def test_all_broken_files_of_both_splits_are_named(root: Path, content: bytes) -> None:
    whole = (root / "train/dog/2.png").read_bytes()
    for name in ["train/cat/3", "train/dog/3", "test/cat/3"]:
        (root / f"{name}.png").write_bytes(content or whole[:90])
    why = "not an image" if content else "truncated"
    named = ", ".join(f"{name}.png ({why})" for name in ["train/cat/3", "train/dog/3", "test/cat/3"])
    assert refused(root) == f"3 files cannot be read as 8- or 16-bit images: {named}; repair or remove them"


def test_files_that_only_decoding_finds_broken_are_named_with_those_that_headers_tell(root: Path) -> None:
    (root / "train/dog/2.png").write_bytes(b"no image")
    whole = (root / "train/cat/1.png").read_bytes()
    (root / "train/cat/1.png").write_bytes(whole[: len(whole) // 2])
    named = "train/dog/2.png (not an image), train/cat/1.png (truncated)"
    assert refused(root) == f"2 files cannot be read as 8- or 16-bit images: {named}; repair or remove them"


def test_of_many_broken_files_ten_are_named(root: Path) -> None:
    for number in range(13):
        (root / f"train/cat/x{number:02d}.png").write_bytes(b"hello")
    message = refused(root)
    assert message.startswith("13 files cannot be read as 8- or 16-bit images: train/cat/x00.png (not an image), ")
    assert message.endswith("train/cat/x09.png (not an image) and 3 more; repair or remove them")


HIDDEN = [".ipynb_checkpoints", "__MACOSX", "@eaDir"]


@pytest.mark.parametrize("name", HIDDEN)
def test_hidden_folders_are_skipped_wherever_they_lie(root: Path, name: str) -> None:
    before = load(root).digest
    for place in ("", "train", "test", "train/cat", "train/cat/sub"):
        (root / place / name).mkdir(parents=True)
        save(root / place / name / "1-checkpoint.png", pixels(9, 9, 3, seed=20))
        save(root / place / name / "deeper" / "1.png", pixels(9, 9, 3, seed=20))
    for name in ("._1.png", ".hidden.png", "Thumbs.db", "desktop.ini"):
        (root / "train/cat" / name).write_text("not an image")
        (root / "train" / name).write_text("not an image")
    assert load(root).digest == before


def test_linked_folders_are_followed_once(root: Path) -> None:
    """Into the tree itself too, where following without an end would never end."""
    elsewhere = root / "elsewhere"
    save(elsewhere / "more" / "9.png", pixels(5, 6, 3, seed=9))
    (root / "train/cat/link").symlink_to(elsewhere)
    (root / "train/cat/again").symlink_to(elsewhere / "more")
    (root / "train/cat/loop").symlink_to(root / "train/cat")
    data = load(root)
    assert data.train.labels.tolist() == [0, 0, 0, 1, 1]
    assert np.array_equal(data.train.images[2].numpy(), pixels(5, 6, 3, seed=9).transpose(2, 0, 1))
    (root / "train/cat").rename(elsewhere / "cats")
    (root / "train/cat").symlink_to(elsewhere / "cats")
    (elsewhere / "cats/loop").unlink()
    assert load(root).digest == data.digest


@pytest.mark.parametrize("name", ["train/cow", "train/cat/more", "test/cat/4.png"])
def test_a_link_to_nothing_is_named(root: Path, name: str) -> None:
    (root / name).symlink_to(root / "gone")
    why = "(a link to nothing) cannot be read as an 8- or 16-bit image; repair it or remove it"
    assert refused(root) == f"{name} {why}"


def notes(root: Path) -> list[str]:
    """What loading the folder warns of."""
    with pytest.warns(FeatsplitWarning) as caught:
        load(root)
    assert all(str(each.message).startswith(f"folder:{root}: ") for each in caught)
    return [str(each.message).removeprefix(f"folder:{root}: ") for each in caught]


def test_what_is_left_out_is_said(root: Path) -> None:
    before = load(root).digest
    for name in ("train/cat/a.heic", "train/dog/sub/b.HEIC", "test/dog/notes.txt", "test/dog/README"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("?")
    save(root / "train/b.png", pixels(5, 6, 3, seed=20))
    save(root / "test/a.jpg", pixels(5, 6, 3, seed=21))
    (root / "train/labels.csv").write_text("?")
    assert notes(root) == [
        "4 files in class folders have no extension of an image (2 .heic, 1 without extension, 1 .txt): left out; "
        "where they are images, save them as .png or .jpg",
        "2 images lie in no class folder (first: train/b.png): left out; move each into the folder of its class",
    ]
    with pytest.warns(FeatsplitWarning):
        assert load(root).digest == before


@pytest.mark.parametrize("resize", [None, 3])
def test_test_images_among_the_train_images_are_said(root: Path, resize: int | None) -> None:
    """By their pixels before they are resized, whatever the file: here a copy as BMP, of another class."""
    save(root / "test/dog/7.bmp", pixels(5, 6, 3, seed=0))
    save(root / "test/dog/8.png", pixels(5, 6, 3, seed=1))
    save(root / "train/dog/9.png", pixels(5, 6, 3, seed=0))
    almost = pixels(5, 6, 3, seed=2)
    almost[4, 5, 2] ^= 1
    save(root / "test/cat/9.png", almost)
    with pytest.warns(FeatsplitWarning) as caught:
        load(root, resize)
    assert [str(each.message) for each in caught] == [
        f"folder:{root}: 2 of 5 test images are also among the train images (first: test/dog/7.bmp = "
        "train/cat/1.png): accuracy on them is memory; remove them from one split, or give --holdout 0.2 to take "
        "others from train"
    ]
    load_data(DataSpec(f"folder:{root}", holdout=0.4))


def test_crop_takes_the_middle_and_does_not_squeeze(root: Path) -> None:
    wide, high = pixels(8, 21, 3), pixels(30, 9, 3)
    save(root / "train/cat/1.png", wide)
    save(root / "train/dog/1.png", high)
    data = load_data(DataSpec(f"folder:{root}", resize=4, resize_mode="crop"))
    for image, whole in ((data.train.images[0], wide), (data.train.images[2], high)):
        tensor = torch.from_numpy(whole.transpose(2, 0, 1).copy())
        middle = oracle.center_crop(tensor, [min(whole.shape[:2])] * 2)
        assert torch.equal(image, resized(middle[None], 4)[0])
    assert load_data(spec_from(data.origin)).digest == data.digest != load(root, 4).digest
