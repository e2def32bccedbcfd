"""Folders that are no data set: of which file, and what to do."""

from pathlib import Path

import numpy as np
import pytest

from featsplit.errors import FeatsplitError
from tests.data.pictures import load, pixels, save


def refused(root: Path, resize: int | None = None) -> str:
    with pytest.raises(FeatsplitError) as error:
        load(root, resize)
    place = f'data.source = "folder:{root}": '
    assert str(error.value).startswith(place)
    return str(error.value).removeprefix(place)


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
    assert refused(root) == f"has no test/ or val/; {rule}: give --holdout 0.2 to cut the test images from train/"
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


@pytest.mark.parametrize("name", ["train/cow", "train/cat/more", "test/cat/4.png"])
def test_a_link_to_nothing_is_named(root: Path, name: str) -> None:
    (root / name).symlink_to(root / "gone")
    why = "(a link to nothing) cannot be read as an 8- or 16-bit image; repair it or remove it"
    assert refused(root) == f"{name} {why}"
