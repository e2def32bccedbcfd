"""The penalty on spectral norms: it is of the layer with its BatchNorm, and its gradient is the norm's."""

import math
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from featsplit.data.images import ImageData
from featsplit.engine.jobs import Worker
from featsplit.errors import FeatsplitWarning
from featsplit.evaluation.spectral import layer_bounds
from featsplit.models import ModelSpec, build
from featsplit.records.training import Recipe
from featsplit.runtime import CPU
from featsplit.studies import read_settings
from featsplit.studies.szegedy2014.convolutional import TrainConvolutional
from featsplit.studies.szegedy2014.penalised import followed, train_penalised
from featsplit.studies.szegedy2014.settings import Convolutional, Settings
from featsplit.studies.szegedy2014.stages import Place
from tests.runtime.networks import lived

RECIPE = Recipe(epochs=4, batch_size=32, lr=0.02, schedule="constant")


def test_the_power_method_follows_each_layer_with_its_batchnorm() -> None:
    model = lived("vgg7")
    model.normalise_to(torch.zeros(1), torch.ones(1))
    wanted = [bound.norm for bound in layer_bounds(model.eval()) if "Pool" not in bound.name]
    layers = followed(model)
    for _ in range(400):
        found = [math.sqrt(float(layer.squared_norm().detach())) for layer in layers]
    assert found == pytest.approx(wanted, rel=5e-3)


def test_the_gradient_is_that_of_the_largest_singular_value() -> None:
    """Of a matrix: 2 s u v'."""
    model = build(ModelSpec("linear"), shape=(1, 3, 3), classes=4)
    (layer,) = followed(model)
    for _ in range(100):
        value = layer.squared_norm()
    torch.autograd.backward(value)
    assert isinstance(layer.layer, nn.Linear)
    u, s, v = torch.linalg.svd(layer.layer.weight.detach())
    torch.testing.assert_close(layer.layer.weight.grad, 2 * s[0] * torch.outer(u[:, 0], v[0]), rtol=1e-3, atol=1e-4)


def test_a_penalty_makes_the_product_smaller(digits: ImageData) -> None:
    products = []
    for penalty in (0.0, 0.05):
        model = build(ModelSpec("cnn", width=4), shape=digits.shape, classes=10, seed=0)
        train_penalised(model, digits, RECIPE, penalty=penalty, seed=0)
        products.append(math.prod(bound.norm for bound in layer_bounds(model)))
    assert products[1] < 0.7 * products[0]


@pytest.mark.parametrize(("penalty", "noted"), [(1e3, 1), (0.001, 0)])
def test_a_network_that_its_penalty_ruined_is_said(penalty: float, noted: int, tmp_path: Path) -> None:
    usual = read_settings("szegedy2014-digits")
    assert isinstance(usual, Settings)
    own = Convolutional(ModelSpec("cnn", width=4), standard=replace(RECIPE, epochs=8), penalty=penalty)
    train = TrainConvolutional(Place(replace(usual, convolutional=own), 0), "penalised")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FeatsplitWarning)
        train(Worker(tmp_path, CPU, None, lambda line: None))
    assert len(caught) == noted, [str(one.message) for one in caught]
    for one in caught:
        assert "convolutional.penalty = 1000: the network that is trained with it reads 0.1" in str(one.message)
