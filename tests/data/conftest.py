"""What the tests of data share: a folder of images, and sets in the layout of the release."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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


@pytest.fixture(scope="session")
def whole(imagenet: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up ImageNet, with an image to train on and one to test on in each of its 1000 synsets."""
    root, rng = tmp_path_factory.mktemp("whole") / "imagenet", np.random.default_rng(1)
    shutil.copytree(imagenet, root, copy_function=os.link)
    for folder in sorted(root.glob("*/n*")):
        if not any(folder.iterdir()):
            height, width = rng.integers(20, 60, 2)
            pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{folder.name}_1.JPEG")
    return root


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A set of 40 rows in the release's layout."""
    return write(tmp_path / "d_robust_CIFAR", [images(40)], [labels(40)])


@pytest.fixture
def grey(digits: ImageData, standard: Classifier, tmp_path: Path) -> Path:
    """One of our own sets, made of digits."""
    build_perturb(tmp_path / "rand.h5", standard, digits, Perturb(eps=0.5, steps=2), build=Build(dtype="uint8"))
    return tmp_path / "rand.h5"
