"""What the tests of data share: a folder of images, and sets in the layout of the release."""

from pathlib import Path

import pytest

from featsplit.data.images import ImageData
from featsplit.models.classifier import Classifier
from featsplit.synthesis import Build, Perturb, build_perturb
from tests.data.pictures import pixels, save
from tests.data.release import images, labels, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes of two train images and one test image, 6 wide and 5 high, in colour."""
    for seed, name in enumerate(
        ["train/cat/1", "train/cat/2", "train/dog/1", "train/dog/2", "test/cat/1", "test/dog/1"]
    ):
        save(tmp_path / f"{name}.png", pixels(5, 6, 3, seed=seed))
    return tmp_path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A set of 40 rows in the release's layout."""
    return write(tmp_path / "d_robust_CIFAR", [images(40)], [labels(40)])


@pytest.fixture
def grey(digits: ImageData, standard: Classifier, tmp_path: Path) -> Path:
    """One of our own sets, made of digits."""
    build_perturb(tmp_path / "rand.h5", standard, digits, Perturb(eps=0.5, steps=2), build=Build(dtype="uint8"))
    return tmp_path / "rand.h5"
