"""What several tests share: the digits, and two small networks trained on them once."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small networks: two processes of one thread beat one of two

import pytest
import torch

from featsplit.data.images import ImageData
from featsplit.data.sources import DataSpec, load_data
from featsplit.models.build import ModelSpec, build
from featsplit.models.classifier import Classifier
from featsplit.training import Adversary, Recipe, train

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits() -> ImageData:
    """600 training and 200 test images of the digits."""
    return load_data(DataSpec("digits", limit=600, limit_test=200))


def trained_on(data: ImageData, adversary: Adversary | None = None) -> Classifier:
    """A small residual network after a few epochs on `data`."""
    model = build(ModelSpec("resnet8", width=8, stages=2), shape=data.shape, classes=len(data.classes), seed=1)
    recipe = Recipe(
        epochs=8, batch_size=50, lr=0.1, nesterov=True, schedule="one-cycle", weight_decay=1e-3, adversary=adversary
    )
    train(model, data, recipe, seed=3)
    return model


@pytest.fixture(scope="session")
def standard(digits: ImageData) -> Classifier:
    """A network trained on the digits as usual."""
    return trained_on(digits)


@pytest.fixture(scope="session")
def robust(digits: ImageData) -> Classifier:
    """A network trained on the digits adversarially."""
    return trained_on(digits, Adversary("pgd", "l2", eps=1.0, steps=3))
