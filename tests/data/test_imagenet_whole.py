"""The whole ImageNet from a made-up folder of its layout: its classes, and wide images that crops are taken from."""

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision import transforms
from torchvision.datasets import ImageFolder

from featsplit.data import images as module
from featsplit.data.images import ImageData, Split, check, digest_of
from featsplit.data.mapped import Mapped
from featsplit.data.selection import hold_out, resize_split
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError

SIDE, WIDE = 21, 24
"""An odd margin: where it lies to the pixel is decided by rounding."""


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FEATSPLIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def load(root: Path, **options: Any) -> ImageData:
    return load_data(DataSpec(f"imagenet:{root}", **{"resize": SIDE, **options}))


def test_labels_and_images_are_those_of_torchvision(whole: Path) -> None:
    """ImageFolder's class is the place of the folder; evaluation's transform gives the image, a wider cut the rest."""
    data = load(whole)
    crop = transforms.Compose([transforms.Resize(WIDE), transforms.CenterCrop(SIDE), transforms.PILToTensor()])
    for split, part in ((data.train, "train"), (data.test, "val")):
        folder = ImageFolder(str(whole / part))
        assert data.classes == tuple(folder.classes)
        assert split.labels.tolist() == folder.targets == list(range(1000))
        for row in range(0, 1000, 37):
            assert torch.equal(split.images[row], crop(Image.open(folder.samples[row][0]).convert("RGB")))
    assert data.train.wide is not None
    assert data.test.wide is None
    assert data.train.wide.shape == (1000, 3, WIDE, WIDE)
    for row, (path, _) in enumerate(ImageFolder(str(whole / "train")).samples[::37]):
        scaled = transforms.PILToTensor()(transforms.Resize(WIDE)(Image.open(path).convert("RGB")))
        cuts = scaled.unfold(1, WIDE, 1).unfold(2, WIDE, 1).movedim(0, 2).flatten(0, 1)
        assert (cuts == data.train.wide[37 * row]).flatten(1).all(1).any(), "a window of the scaled image, whole"


def test_images_are_a_view_of_the_wide_ones_in_the_file(whole: Path) -> None:
    train = load(whole).train
    assert isinstance(train.images, Mapped)
    assert isinstance(train.wide, Mapped)
    assert not train.images.is_contiguous()
    top = round((WIDE - SIDE) / 2)
    assert torch.equal(train.images[:5], train.wide[:5, :, top : top + SIDE, top : top + SIDE])
    pickled = pickle.dumps(train)
    assert len(pickled) < 20000, "the name of the file, and the labels"
    assert torch.equal(pickle.loads(pickled).images, train.images)
    assert resize_split(train, SIDE, "crop") is train, "a size that they have copies nothing"


def test_the_digest_is_that_of_a_copy(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = load(whole).train.images
    monkeypatch.setattr(module, "PIECE", 5000)
    assert digest_of(images) == digest_of(images.contiguous())
    assert digest_of(images[:1]) != digest_of(images[1:2])


def test_what_is_selected_is_selected_of_the_wide_images_too(whole: Path) -> None:
    data = load(whole)
    assert data.train.wide is not None
    rows = torch.tensor([7, 0, 7])
    taken = data.train.take(rows)
    assert taken.wide is not None
    assert torch.equal(taken.wide, data.train.wide[rows])
    assert torch.equal(taken.images, data.train.images[rows])
    assert taken.images.data_ptr() - taken.wide.data_ptr() == 2 * WIDE + 2, "no second copy"
    names = (data.classes[30], data.classes[4])
    few = load(whole, classes=names).train
    assert few.labels.tolist() == [1, 0]
    assert few.wide is not None
    assert torch.equal(few.wide, data.train.wide[[4, 30]])
    twice = replace(data, train=data.train.take(torch.arange(1000).repeat(2)))
    held = hold_out(twice, 0.5, seed=0)
    assert held.train.wide is not None
    assert held.test.wide is None
    assert len(held.train.wide) == len(held.test) == 1000


def test_wide_images_of_others_are_refused() -> None:
    images, labels = torch.zeros(3, 1, 4, 4, dtype=torch.uint8), torch.tensor([0, 1, 0])
    for wide in (torch.zeros(2, 1, 6, 6), torch.zeros(3, 3, 6, 6), torch.zeros(3, 1, 3, 3)):
        data = ImageData("made", ("a", "b"), Split(images, labels, wide), Split(images, labels))
        with pytest.raises(FeatsplitError, match=r"^made: train: wide images .* are not of \(3, 1, 4, 4\); show more"):
            check(data)


TWINS = {134: "crane", 517: "crane"}


def words(index: int) -> str:
    return TWINS.get(index, f"thing {index}")


def named(root: Path, form: str) -> None:
    """Write the names of the synsets as Kaggle has them, or as torchvision and Keras do."""
    synsets = sorted(folder.name for folder in (root / "train").iterdir())
    if form == "txt":
        lines = [f"{name} {words(index)}, another word\n" for index, name in enumerate(synsets)]
        (root / "LOC_synset_mapping.txt").write_text("".join(lines))
    else:
        told = {str(index): [name, words(index)] for index, name in enumerate(synsets)}
        (root / "imagenet_class_index.json").write_text(json.dumps(told))


@pytest.fixture
def own(whole: Path, tmp_path: Path) -> Path:
    """A folder with the same train/ and val/, for files beside them."""
    for part in ("train", "val"):
        (tmp_path / part).symlink_to(whole / part)
    return tmp_path


@pytest.mark.parametrize("form", ["txt", "json"])
def test_classes_have_the_names_of_a_file_that_lies_there(own: Path, form: str) -> None:
    synsets = load(own).classes
    named(own, form)
    data = load(own)
    assert data.classes[:2] == ("thing 0", "thing 1")
    assert (data.classes[134], data.classes[517]) == (f"crane {synsets[134]}", f"crane {synsets[517]}")
    assert len(set(data.classes)) == 1000


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("LOC_synset_mapping.txt", "n01440764 tench\n", "has no 'n01454399'"),
        ("LOC_synset_mapping.txt", "n01440764\n", "is not what ImageNet's is"),
        ("imagenet_class_index.json", "[1]", "is not what ImageNet's is"),
        ("imagenet_class_index.json", "{", "is not what ImageNet's is"),
    ],
)
def test_a_file_of_names_that_is_none_is_refused(own: Path, name: str, text: str, reason: str) -> None:
    (own / name).write_text(text)
    with pytest.raises(FeatsplitError) as error:
        load(own)
    cure = "repair it, or remove it to go by synsets"
    assert str(error.value) == f'data.source = "imagenet:{own}": {name} {reason}; {cure}'


def test_a_synset_without_images_is_refused(imagenet: Path) -> None:
    with pytest.raises(FeatsplitError, match=r": train/n01440764/ has no images; extract it again$"):
        load(imagenet)


def test_a_class_is_a_tensor_when_a_part_is_taken(whole: Path) -> None:
    limited = load(whole, limit_test=1000, limit=1000).train
    assert isinstance(limited.wide, Mapped), "no more was asked for than there is"
    assert type(limited.take(torch.arange(2)).images) is Tensor
