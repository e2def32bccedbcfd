"""Spectral norms beside numpy's of the same map as a matrix, and what they guarantee."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from featsplit.errors import FeatsplitError
from featsplit.evaluation.spectral import certified_radii, frequency_norm, layer_bounds, local_gains, operator_norm
from featsplit.models import Classifier, ModelSpec, build
from featsplit.models.small import Residual
from tests.runtime.networks import lived

SHAPE = (2, 8, 8)


def matrix(layer: nn.Module, shape: tuple[int, ...]) -> np.ndarray:
    """The linear part of `layer` on images of `shape`, a column for each pixel."""
    size = math.prod(shape)
    with torch.no_grad():
        basis = torch.eye(size, dtype=torch.float64).reshape(size, *shape)
        found: Tensor = layer.double()(basis) - layer(torch.zeros_like(basis))
    array: np.ndarray = found.flatten(1).T.numpy()
    return array


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(2, 3, 3, padding=1),
        nn.Conv2d(2, 5, 3, stride=2, padding=1),
        nn.Conv2d(2, 4, 4, stride=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Sequential(nn.Flatten(), nn.Linear(128, 7)),
    ],
    ids=str,
)
def test_the_norm_of_a_layer_is_that_of_its_matrix(layer: nn.Module) -> None:
    wanted = np.linalg.norm(matrix(layer, SHAPE), 2)
    assert operator_norm(layer, torch.Size((1, *SHAPE))) == pytest.approx(wanted, rel=1e-6)


def test_the_norm_over_frequencies_is_that_of_periodic_images_and_above_that_of_padded_ones() -> None:
    torch.manual_seed(0)
    padded = nn.Conv2d(2, 3, 3, padding=1, bias=False)
    periodic = nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular", bias=False)
    periodic.load_state_dict(padded.state_dict())
    found = frequency_norm(padded.weight.detach(), 8)
    assert found == pytest.approx(np.linalg.norm(matrix(periodic, SHAPE), 2))
    assert np.linalg.norm(matrix(padded, SHAPE), 2) < frequency_norm(padded.weight.detach(), 64)
    reshaped = np.linalg.norm(padded.weight.detach().flatten(1).numpy(), 2)
    assert abs(reshaped - found) > 0.05 * found


def test_the_gain_of_an_image_is_the_norm_of_its_jacobian() -> None:
    model, inputs = network(), torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(1))
    found = local_gains(model, inputs, iterations=200)
    for image, gain in zip(inputs, found, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda one: model(one[None])[0], image)  # type: ignore[no-untyped-call]
        jacobian = jacobian.reshape(10, -1)
        assert float(gain) == pytest.approx(float(torch.linalg.matrix_norm(jacobian, 2)), rel=1e-3)


def network() -> Classifier:
    """A convolutional network whose BatchNorms and normalisation have seen something."""
    model = lived("vgg7", shape=SHAPE)
    model.normalise_to(torch.tensor([0.4, 0.6]), torch.tensor([0.2, 0.5]))
    return model.eval()


def test_no_change_moves_the_logits_by_more_than_the_product_says() -> None:
    model, generator = network(), torch.Generator().manual_seed(2)
    bounds = layer_bounds(model)
    product = math.prod(bound.norm for bound in bounds)
    inputs = torch.rand(50, *SHAPE, generator=generator)
    assert 0 < float(local_gains(model, inputs).max()) < product
    moved = inputs + 0.01 * torch.randn(inputs.shape, generator=generator)
    with torch.no_grad():
        gains = (model(moved) - model(inputs)).norm(dim=1) / (moved - inputs).flatten(1).norm(dim=1)
    assert float(gains.max()) < product
    assert [bound.name for bound in bounds] == [
        *(f"{place} Conv2d" for place in range(1, 7)), "7 AdaptiveAvgPool2d", "8 Linear",
    ]  # fmt: skip


def test_the_first_layer_takes_the_normalisation_and_its_batchnorm() -> None:
    """On a linear part that is made by hand: BatchNorm's slope over the deviations of each channel."""
    model = network()
    convolution, norm = model.body.get_submodule("0"), model.body.get_submodule("1")
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_var is not None
    slope = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach().double().numpy()
    by_hand = np.repeat(slope, 64)[:, None] * matrix(convolution, SHAPE) / np.repeat([0.2, 0.5], 64)
    convolution.float()
    assert layer_bounds(model)[0].norm == pytest.approx(np.linalg.norm(by_hand, 2), rel=1e-5)


def test_the_radius_of_a_linear_network_of_two_classes_is_its_distance_where_weights_are_opposite() -> None:
    model = build(ModelSpec("linear"), shape=(1, 2, 2), classes=2)
    way = torch.tensor([0.3, -0.1, 0.2, 0.5])
    with torch.no_grad():
        model.head.weight.copy_(torch.stack([-way, way]))
        model.head.bias.copy_(torch.tensor([0.1, 0.0]))
    inputs = torch.rand(20, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    (bound,) = layer_bounds(model)
    labels = model(inputs).argmax(dim=1)
    margins = (2 * inputs.flatten(1) @ way - 0.1).abs() / (2 * way.norm())
    torch.testing.assert_close(certified_radii(model, inputs, labels, bound=bound.norm).float(), margins.detach())
    assert (certified_radii(model, inputs, 1 - labels, bound=bound.norm) == 0).all()


def test_a_residual_block_adds_its_branch_and_its_shortcut() -> None:
    model = lived("resnet8", shape=(1, 8, 8))
    bounds = {bound.name: bound.norm for bound in layer_bounds(model.eval())}
    block = model.body.get_submodule("3")
    assert isinstance(block, Residual)
    chains = [nn.Sequential(*block.first, *block.second), block.shortcut]
    branch, shortcut = (
        math.prod(np.linalg.norm(matrix(fuse_conv_bn_eval(*pair), (16, 8, 8)), 2) for pair in convolutions(chain))
        for chain in chains
    )
    assert shortcut == 1
    assert bounds["2 Residual"] == pytest.approx(branch + shortcut, rel=1e-6)
    product, inputs = math.prod(bounds.values()), torch.rand(20, 1, 8, 8)
    assert 0 < float(local_gains(model.float(), inputs).max()) < product


def convolutions(chain: nn.Module) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Each convolution with its BatchNorm."""
    layers = [layer for layer in chain.modules() if isinstance(layer, nn.Conv2d | nn.BatchNorm2d)]
    return list(zip(layers[::2], layers[1::2], strict=True))  # type: ignore[arg-type]


@pytest.mark.parametrize("layer", [nn.BatchNorm2d(2), nn.GELU(), nn.MaxPool2d(3, 1)], ids=str)
def test_a_layer_whose_bound_is_not_known_is_refused(layer: nn.Module) -> None:
    model = build(ModelSpec("vgg7", width=4), shape=SHAPE, classes=4)
    model.body = nn.Sequential(layer, *model.body.children())
    with pytest.raises(FeatsplitError) as caught:
        layer_bounds(model.eval())
    assert str(caught.value).startswith(f"layer {type(layer).__name__}: its Lipschitz bound is not known")
