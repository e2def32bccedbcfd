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
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError


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
    save(root / "train/dog/e.png", pixels(5, 6, 4, seed=10), mode="RGBA")
    save(root / "train/dog/f.png", pixels(5, 6, seed=11))
    (root / "train/dog/notes.txt").write_text("not an image")
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
        save(file, pixels(5, 6))
    return root


def test_all_grey_gives_one_channel(root: Path) -> None:
    grey_folder(root)
    save(root / "train/cat/1.png", pixels(5, 6) > 127)
    save(root / "train/cat/2.png", pixels(5, 6, 2), mode="LA")
    images = load(root).train.images
    assert np.array_equal(images[0, 0].numpy(), (pixels(5, 6) > 127) * 255)
    assert np.array_equal(images[1, 0].numpy(), pixels(5, 6, 2)[..., 0])
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


def test_a_palette_with_transparency_is_colour(root: Path) -> None:
    palette = Image.fromarray(pixels(5, 6, 3)).quantize(8)
    palette.save(root / "train/cat/1.png", transparency=bytes([0, 100, 200]))
    expected = np.asarray(palette.convert("RGB")).transpose(2, 0, 1)
    assert np.array_equal(load(root).train.images[0].numpy(), expected)


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


@pytest.mark.parametrize("kind", ["text", "cut", "floating point"])
def test_a_file_that_cannot_be_read(root: Path, kind: str) -> None:
    path = root / "train/dog/2.png"
    if kind == "floating point":
        path = save(path.with_suffix(".tif"), pixels(5, 6).astype(np.float32))
    else:
        path.write_bytes(b"hello" if kind == "text" else path.read_bytes()[:90])
    assert refused(root) == f"{path} cannot be read as an 8- or 16-bit image; repair it or remove it"
