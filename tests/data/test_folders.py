"""Images from folders, against arrays that were written with Pillow and against torchvision's ImageFolder."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.datasets import ImageFolder
from torchvision.transforms.v2 import functional as oracle

from featsplit.data.selection import resized
from featsplit.data.sources import DataSpec, load_data, spec_from
from featsplit.errors import FeatsplitWarning
from tests.data.pictures import load, pixels, save


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
