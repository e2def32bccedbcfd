"""Restricted ImageNet from a made-up folder of ImageNet's layout, against torchvision's loader and `robustness`."""

import os
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision import transforms
from torchvision.datasets import ImageFolder

from featsplit.data import imagenet as module
from featsplit.data.imagenet import RANGES
from featsplit.data.images import ImageData
from featsplit.data.mapped import Mapped
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError, FeatsplitWarning

SYNSETS = 203


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FEATSPLIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def own(imagenet: Path, tmp_path: Path) -> Path:
    """A copy of the made-up ImageNet that a test may change."""
    return Path(shutil.copytree(imagenet, tmp_path / "own"))


def load(root: Path, **options: Any) -> ImageData:
    return load_data(DataSpec(f"restricted-imagenet:{root}", **{"resize": 28, **options}))


def test_the_ranges_are_those_of_the_robustness_package() -> None:
    theirs = import_module("robustness.tools.constants").RESTRICTED_IMAGNET_RANGES
    assert list(RANGES.values()) == theirs
    assert tuple(RANGES) == ("dog", "cat", "frog", "turtle", "bird", "primate", "fish", "crab", "insect")


@pytest.mark.parametrize(("resize", "shorter", "side"), [(28, 32, 28), (None, 256, 224), (16, 18, 16)])
def test_images_and_labels_are_those_of_torchvision(
    imagenet: Path, resize: int | None, shorter: int, side: int
) -> None:
    """ImageFolder gives the class index by the order of the folders; the transform is that of evaluation."""
    crop = transforms.Compose([transforms.Resize(shorter), transforms.CenterCrop(side), transforms.PILToTensor()])
    data, ranges = load(imagenet, resize=resize), import_module("robustness.tools.constants").RESTRICTED_IMAGNET_RANGES
    assert (data.classes, data.shape) == (tuple(RANGES), (3, side, side))
    for split, part in ((data.train, "train"), (data.test, "val")):
        folder, expected = ImageFolder(str(imagenet / part), allow_empty=True), []
        for label, (first, last) in enumerate(ranges):
            expected += [(path, label) for path, index in folder.samples if first <= index <= last]
        assert len(split) == len(expected) == SYNSETS
        assert split.labels.tolist() == [label for _, label in expected]
        for row in range(0, SYNSETS, 9):
            assert torch.equal(split.images[row], crop(Image.open(expected[row][0]).convert("RGB")))


def test_images_are_decoded_once_and_again_when_a_file_changed(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, asked = load(own), list[Path]()
    decode = module._pixels

    def counts(path: Path, **options: Any) -> Any:
        asked.append(path)
        return decode(path, **options)

    monkeypatch.setattr(module, "_pixels", counts)
    assert load(own).digest == before.digest
    assert not asked
    changed = own / "val" / before_last(own / "val") / "new.JPEG"
    Image.new("RGB", (40, 40)).save(changed)
    assert len(load(own).test) == SYNSETS + 1
    assert changed in asked
    assert all(path.parent.parent.name == "val" for path in asked), "the train images are as they were"
    asked.clear()
    os.utime(changed, (1, 1))
    load(own)
    assert len(asked) == SYNSETS + 1


def before_last(folder: Path) -> str:
    """The last synset that has images."""
    return max(file.parent.name for file in folder.rglob("*.JPEG"))


def test_a_decode_cut_off_goes_on_where_it_stopped(imagenet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, decode = load(imagenet).train.images.clone(), module._pixels
    done, asked = list[Path](), list[Path]()
    for file in (Path(os.environ["FEATSPLIT_CACHE"])).iterdir():
        file.unlink()

    def dies(path: Path, **options: Any) -> Any:
        done.append(path)
        if len(done) > 70:
            raise KeyboardInterrupt
        return decode(path, **options)

    def counts(path: Path, **options: Any) -> Any:
        asked.append(path)
        return decode(path, **options)

    monkeypatch.setattr(module, "_pixels", dies)
    with pytest.raises(KeyboardInterrupt):
        load(imagenet)
    monkeypatch.setattr(module, "_pixels", counts)
    assert torch.equal(load(imagenet).train.images, whole)
    assert sum(path.parent.parent.name == "train" for path in asked) == SYNSETS - 64, "64 of them were kept"


def test_nothing_is_copied_unless_a_part_is_taken(imagenet: Path, cache: Path) -> None:
    data = load(imagenet)
    assert isinstance(data.train.images, Mapped)
    assert isinstance(data.train.wide, Mapped)
    assert isinstance(data.test.images, Mapped)
    assert sum(file.stat().st_size for file in cache.iterdir()) == 2 * SYNSETS * 3 * 32 * 32
    few = load(imagenet, limit=20, limit_test=15, classes=("fish", "cat"))
    assert type(few.train.images) is Tensor
    assert (len(few.train), len(few.test), few.classes) == (14, 14, ("fish", "cat"))


def test_where_the_decoded_images_lie(imagenet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FEATSPLIT_CACHE")
    load_data(DataSpec(f"restricted-imagenet:{imagenet}", resize=16), root=tmp_path / "root")
    assert len(list((tmp_path / "root").glob("restricted-imagenet-*-18-*.images"))) == 2


def refused(root: Path) -> str:
    with pytest.raises(FeatsplitError) as error:
        load(root)
    place = f'data.source = "restricted-imagenet:{root}": '
    assert str(error.value).startswith(place)
    return str(error.value).removeprefix(place)


NEED = "ImageNet has 1000, n01440764 to n15075141, and their order is the class index"


def test_folders_that_are_no_imagenet(own: Path) -> None:
    layout = "it must hold ImageNet's train/ and val/, one folder a synset"
    assert refused(own / "none") == f"has no train/; {layout}"
    unused, used = own / "train/n01440764", own / f"val/n{1440764 + 13635 * 283:08d}"
    assert refused_when_moved(own, own / "val") == f"has no val/; {layout}"
    cure = "folders of classes that are not used may be empty, but must be there"
    assert refused_when_moved(own, unused) == f"train/ has 999 folders; {NEED}: {cure}"
    assert refused_when_moved(own, unused, own / "train/tench") == f"train/tench/ is no synset; {NEED}"
    twin = own / "train/n99999999"
    differs = "train/ and val/ differ in n01440764; both must have the same synsets"
    assert refused_when_moved(own, unused, twin) == differs
    image = next(used.iterdir())
    empty = f"val/{used.name}/ has no images, and is a cat; extract it again"
    assert refused_when_moved(own, image, image.with_suffix(".txt")) == empty


def refused_when_moved(root: Path, path: Path, to: Path | None = None) -> str:
    """The error with `path` moved away, or to `to`; then it is put back."""
    to = to or root.parent / "away"
    path.rename(to)
    message = refused(root)
    to.rename(path)
    return message


def test_an_image_that_cannot_be_read_leaves_no_half_file(own: Path, cache: Path) -> None:
    path = next((own / "val" / before_last(own / "val")).iterdir())
    path.write_bytes(path.read_bytes()[:200])
    place = path.relative_to(own)
    assert refused(own) == f"{place} (truncated) cannot be read as an 8- or 16-bit image; repair it or remove it"
    assert len(list(cache.iterdir())) == 1, "the train images alone"


def test_all_images_that_cannot_be_read_are_named(own: Path, cache: Path) -> None:
    """Those after the first too, which have not been decoded yet; nothing of the files decoded before is kept."""
    files = sorted(own.glob("train/*/*.JPEG"))
    broken = [files[70], files[140], files[200]]
    for path in broken:
        path.write_bytes(path.read_bytes()[:200])
    message = refused(own)
    assert message.startswith("3 files cannot be read as 8- or 16-bit images: train/n")
    assert all(f"{path.relative_to(own)} (truncated)" in message for path in broken)
    assert not list(cache.iterdir())


def test_what_was_decoded_in_another_way_is_decoded_again(
    imagenet: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(module, "DECODING", "")
        load(imagenet)
    names = {file.name for file in cache.iterdir()}
    load(imagenet)
    assert len({file.name for file in cache.iterdir()} - names) == 2


def test_images_are_upright_and_on_white(own: Path) -> None:
    """A white half beside a black one; stored on its side, and stored as black with half of it transparent."""
    synset, exif = own / "val" / f"n{1440764 + 13635 * 319:08d}", Image.Exif()  # the last of the last class
    exif[0x0112] = 6
    half = Image.new("L", (40, 40))
    half.paste(255, (0, 0, 20, 40))
    half.convert("RGB").transpose(Image.Transpose.ROTATE_90).save(synset / "x.jpeg", exif=exif, quality=100)
    black = Image.new("RGBA", (40, 40))
    black.putalpha(Image.eval(half, lambda level: 255 - level))
    black.save(synset / "y.png")
    (own / "val" / "__MACOSX").mkdir()
    (synset / ".hidden").mkdir()
    half.save(synset / ".hidden" / "z.png")
    with pytest.warns(FeatsplitWarning, match=r"own/val: 1 of 205 images has transparency; composited on white"):
        data = load(own)
    upright, white = data.test.images[-2:]
    for image in (upright, white):
        assert (image[:, :, :13] > 250).all()
        assert (image[:, :, 15:] < 5).all()


def test_a_hidden_folder_is_no_synset(own: Path) -> None:
    (own / "train" / ".cache").mkdir()
    assert len(load(own).train) == SYNSETS
