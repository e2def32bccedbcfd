"""Class folders that lie directly in PATH, and every kind of image that Pillow reads."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.transforms.v2 import functional as oracle

from featsplit.data.imagefiles import NO_IMAGES, extensions, formats
from featsplit.data.selection import hold_out
from featsplit.data.sources import DataSpec, load_data, spec_from
from featsplit.errors import FeatsplitError, FeatsplitWarning
from tests.data.pictures import load, pixels, save

HELD = "--holdout 0.2 to cut the test images from"


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """Two class folders of ten images each, and no split."""
    for number in range(20):
        save(tmp_path / ("cat" if number % 2 else "dog") / f"{number:02d}.png", pixels(5, 6, 3, seed=number))
    return tmp_path


def refused(root: Path, **kept: Any) -> str:
    with pytest.raises(FeatsplitError) as error:
        load_data(DataSpec(f"folder:{root}", **kept))
    return str(error.value).removeprefix(f'data.source = "folder:{root}": ')


def test_the_test_images_are_cut_from_them_as_from_any_train_split(classes: Path) -> None:
    data = load_data(DataSpec(f"folder:{classes}", holdout=0.3, seed=5))
    (classes / "train").mkdir()
    for name in ("cat", "dog"):
        (classes / name).rename(classes / "train" / name)
    whole = ImageFolder(str(classes / "train"))
    images = torch.stack([oracle.pil_to_tensor(image) for image, _ in whole])
    save(classes / "test/cat/1.png", pixels(5, 6, 3, seed=90))
    save(classes / "test/dog/1.png", pixels(5, 6, 3, seed=91))
    expected = hold_out(load(classes), 0.3, seed=5)
    assert torch.equal(load(classes).train.images, images)
    assert data.digest == expected.digest
    assert (len(data.train), len(data.test)) == (14, 6)
    assert load_data(DataSpec(f"folder:{classes}", holdout=0.3, seed=5)).digest == data.digest


def test_without_holdout_the_line_says_so(classes: Path) -> None:
    assert refused(classes) == f"holds folders (cat, dog) and no train/ and test/; as classes, give {HELD} them"
    for name in "abcd":
        save(classes / name / "1.png", pixels(5, 6, 3, seed=50))
    assert "holds folders (a, b, c ...) and no" in refused(classes)


def test_their_origin_opens_them_again(classes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(classes.parent)
    data = load_data(DataSpec(f"folder:{classes.name}", holdout=0.3))
    monkeypatch.chdir("/")
    assert load_data(spec_from(data.origin)).digest == data.digest


def test_a_train_folder_alone_is_cut_too(root: Path) -> None:
    save(root / "train/cat/3.png", pixels(5, 6, 3, seed=30))
    save(root / "train/dog/3.png", pixels(5, 6, 3, seed=31))
    (root / "test").rename(root / ".test")
    assert refused(root).endswith(f"one folder a class: give {HELD} train/")
    data = load_data(DataSpec(f"folder:{root}", holdout=0.4))
    assert (len(data.train), len(data.test), data.classes) == (4, 2, ("cat", "dog"))


def test_classes_may_be_called_train_and_test(tmp_path: Path) -> None:
    """Where they hold images and no folders: a data set of vehicles has trains."""
    for number, name in enumerate(("bus", "car", "test", "train")):
        for row in range(3):
            save(tmp_path / name / f"{row}.png", pixels(5, 6, 3, seed=10 * number + row))
    with pytest.raises(FeatsplitError, match="train/ has no class folders"):
        load_data(DataSpec(f"folder:{tmp_path}", holdout=0.4))
    (tmp_path / "test").rename(tmp_path / "tram")
    data = load_data(DataSpec(f"folder:{tmp_path}", holdout=0.4))
    assert data.classes == ("bus", "car", "train", "tram")


def test_what_lies_beside_them_is_said(classes: Path) -> None:
    save(classes / "loose.JFIF.png", pixels(5, 6, 3, seed=40))
    (classes / "labels.csv").write_text("?")
    (classes / ".cache").mkdir()
    with pytest.warns(FeatsplitWarning) as caught:
        load_data(DataSpec(f"folder:{classes}", holdout=0.3))
    assert [str(each.message) for each in caught] == [
        f"folder:{classes}: 1 image lies in no class folder (first: loose.JFIF.png): left out; move each into the "
        "folder of its class"
    ]


def test_class_folders_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = "it must hold train/ and test/ (or val/), one folder a class"
    assert refused(tmp_path, holdout=0.2) == f"has no train/; {rule}"
    save(tmp_path / "cat/1.png", pixels(5, 6, 3))
    monkeypatch.chdir(tmp_path)
    for root in (tmp_path, Path(".")):
        assert refused(root, holdout=0.2) == f"{tmp_path.name}/ has 1 class, cat; a classifier needs at least 2"
    (tmp_path / "dog").mkdir()
    assert refused(tmp_path, holdout=0.2) == f"{tmp_path.name}/dog/ has no images; add some, or remove the class"
    assert refused(Path("."), holdout=0.2).startswith(f"{tmp_path.name}/dog/ has no images")
    save(tmp_path / "dog/1.png", pixels(5, 6, 3, seed=1))
    assert refused(tmp_path, holdout=0.2).startswith("data.holdout = 0.2: gives 0 of 2 images; must give at least 2")


LOSSLESS = [
    "bmp",
    "dib",
    "gif",
    "pbm",
    "pcx",
    "png",
    "ppm",
    "sgi",
    "tga",
    "tif",
    "tiff",
    "rgb",
    "qoi",
    "dds",
    "apng",
]


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("kind", [*LOSSLESS, "jfif", "jpe", "jp2", "webp", "ico", "avif", "mpo"])
def test_every_kind_that_pillow_writes_is_read_as_pillow_reads_it(classes: Path, kind: str, upper: bool) -> None:
    """Of a size that each of them has; against Pillow's own reading of the same file."""
    if f".{kind}" not in Image.registered_extensions() or Image.registered_extensions()[f".{kind}"] not in Image.SAVE:
        pytest.skip(f"this Pillow does not write .{kind}")
    grey = pixels(32, 32) > 127
    array = np.dstack([grey * 255] * 3).astype(np.uint8) if kind in ("pbm", "gif") else pixels(32, 32, 3)
    mode = "1" if kind == "pbm" else "RGB"
    path = classes / "cat" / f"new.{kind.upper() if upper else kind}"
    for file in classes.rglob("*.png"):
        save(file, pixels(32, 32, 3, seed=int(file.stem)))
    Image.fromarray(array).convert(mode).save(path, format=Image.registered_extensions()[f".{kind}"])
    found = load_data(DataSpec(f"folder:{classes}", holdout=0.3))
    every = torch.cat([found.train.images, found.test.images])
    with Image.open(path) as image:
        expected = oracle.pil_to_tensor(image.convert("RGB"))
    assert any(torch.equal(one, expected) for one in every)
    if kind in LOSSLESS:
        assert np.array_equal(expected.numpy(), array.transpose(2, 0, 1))
    assert len(every) == 21


def test_the_kinds_are_pillows_but_for_those_that_are_no_images() -> None:
    known, out = Image.registered_extensions(), set(Image.registered_extensions()) - extensions()
    assert {".jfif", ".jpg", ".png", ".webp", ".tga", ".jp2", ".mpo"} <= extensions()
    assert {".pdf", ".mpeg", ".mpg", ".h5", ".hdf", ".eps", ".ps", ".wmf", ".grib"} <= out
    assert all(known[end] in NO_IMAGES or known[end] not in Image.OPEN for end in out)
    assert not set(formats()) & NO_IMAGES


def test_what_calls_itself_an_image_and_is_a_program_is_not_run(classes: Path, tmp_path: Path) -> None:
    """Pillow gives an EPS to Ghostscript, whatever the file is called."""
    (classes / "cat/x.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 6 5\n%%EndComments\nshowpage\n")
    assert "cat/x.png (not an image) cannot be read" in refused(classes, holdout=0.3)


def test_a_folder_of_mixed_kinds(tmp_path: Path) -> None:
    """Grey and colour, bytes and 16 bits, kinds by their content and not by their names; films and notes beside."""
    arrays = [pixels(8, 8, 3, seed=number) for number in range(8)]
    for number, end in enumerate(["png", "PNG", "bmp", "tga", "ppm", "tiff", "qoi", "jfif"]):
        path = tmp_path / f"c{number % 2}" / f"{number}.{end}"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(arrays[number]).save(path, format="PNG" if end in ("jfif", "PNG") else None)
    Image.fromarray(pixels(8, 8).astype(np.uint16) * 257).save(tmp_path / "c0" / "deep.png")
    for name in ("film.mpeg", "page.pdf", "table.h5", "notes.txt"):
        (tmp_path / "c1" / name).write_text("?")
    with pytest.warns(FeatsplitWarning, match=r"4 files in class folders have no extension of an image \("):
        data = load_data(DataSpec(f"folder:{tmp_path}", holdout=0.3))
    found = {image.numpy().tobytes() for part in (data.train, data.test) for image in part.images}
    deep = np.stack([pixels(8, 8)] * 3)
    assert found == {array.transpose(2, 0, 1).tobytes() for array in arrays} | {deep.tobytes()}
