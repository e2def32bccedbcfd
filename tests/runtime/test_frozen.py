"""A network made fast is the same function, also after it was refreshed."""

import copy

import pytest
import torch
from torch import Tensor, fx, nn

from featsplit.models import ARCHITECTURES, wrap
from featsplit.models.checkpoints import state_digest
from featsplit.runtime import (
    Frozen,
    Machine,
    frozen,
)
from tests.runtime.networks import DIGIT, aged, lived, newborn, plain, rand


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_frozen_network_is_the_same_function(arch: str) -> None:
    model = lived(arch)
    inputs = rand(2, *model.shape, seed=7)
    expected = plain(model, inputs)
    found = frozen(model)(inputs)
    assert (expected[0] - expected[1]).abs().max() > 0.002, "it does tell images apart"
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("arch", "shape"),
    [
        ("cnn", DIGIT),
        ("resnet8", DIGIT),
        *((arch, shape) for arch in ("vgg7", "densenet10", "resnet14") for shape in (DIGIT, (3, 20, 13), (3, 32, 32))),
        ("resnet18", (3, 32, 32)),
        ("resnet18", (1, 32, 32)),
        ("resnet18-imagenet", (3, 64, 48)),
    ],
)
def test_batch_normalisation_is_folded_away(arch: str, shape: tuple[int, int, int]) -> None:
    model = lived(arch, shape=shape)
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())
    network = frozen(model)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    inputs = rand(2, *shape, seed=7)
    torch.testing.assert_close(network(inputs), plain(model, inputs), rtol=1e-4, atol=1e-4)


def test_freezing_leaves_the_model_and_the_state_of_randomness_alone() -> None:
    model = lived("resnet8")
    digest = state_digest(model)
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    network = frozen(model)
    assert torch.equal(torch.rand(3), expected)
    assert state_digest(model) == digest
    assert all(layer.training for layer in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not any(layer.training for layer in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_a_frozen_network_gives_the_gradient_of_the_image() -> None:
    model = lived("resnet8").eval()
    slopes = []
    for network in (model, frozen(model)):
        inputs = rand(2, *DIGIT, seed=7).requires_grad_(True)
        slopes.append(torch.autograd.grad(network.representation(inputs).square().sum(), inputs)[0])
    torch.testing.assert_close(slopes[1], slopes[0], rtol=1e-3, atol=1e-4)


class Branching(nn.Module):
    """Goes one way or the other as the images say, which fx cannot trace."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.head = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)), nn.Linear(144, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        features = self.features(inputs).flatten(1)
        result: Tensor = self.head(features if inputs.sum() > 0 else -features)
        return result


class Pretending(Branching):
    """Can be traced, but is another function when it is."""

    def forward(self, inputs: Tensor) -> Tensor:
        features = self.features(inputs).flatten(1)
        result: Tensor = self.head(-features if isinstance(inputs, fx.Proxy) else features)
        return result


@pytest.mark.parametrize("kind", [Branching, Pretending])
def test_a_network_that_cannot_be_traced_is_used_as_it_is(kind: type[Branching]) -> None:
    model = wrap(kind(), shape=DIGIT, classes=10, mean=(0,), std=(1,))
    network = frozen(model)
    assert type(network.body) is kind
    inputs = rand(2, *DIGIT, seed=7)
    torch.testing.assert_close(network(inputs), plain(model, inputs))


def places(network: Frozen) -> dict[str, tuple[int, int]]:
    """Each tensor of the network: which object it is, and where its numbers lie."""
    return {name: (id(value), value.data_ptr()) for name, value in network.state_dict(keep_vars=True).items()}


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_refresh_gives_in_place_what_freezing_anew_gives(arch: str) -> None:
    """Weights, statistics and normalisation: all are new, and lie where the old ones lay."""
    model, network = lived(arch), copy.deepcopy(newborn(arch))
    before, inputs = places(network), rand(2, *model.shape, seed=7)
    network.refresh(model)
    anew = frozen(model)
    assert places(network) == before
    assert all(torch.equal(value, anew.state_dict()[name]) for name, value in network.state_dict().items())
    assert network.state_dict().keys() == anew.state_dict().keys()
    torch.testing.assert_close(network(inputs), plain(model, inputs), rtol=1e-4, atol=1e-4)
    assert not any(parameter.requires_grad for parameter in network.parameters())


class Unfoldable(nn.Module):
    """Convolutions and BatchNorms that may not be put together; `way` says why."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.first, self.second = way, nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4, track_running_stats=way != "a norm without statistics")
        self.head = nn.Linear(256, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        middle = self.first(inputs)
        if self.way == "a convolution used twice":
            found = self.norm(self.second(self.second(middle)))
        elif self.way == "a norm used twice":
            found = self.norm(self.second(self.norm(middle)))
        elif self.way == "an output with another user":
            found = self.norm(middle) + middle.tanh()
        elif self.way == "a function between":
            found = self.norm(middle.tanh())
        elif self.way == "a layer between":
            found = self.norm(nn.functional.relu(self.second(middle)))
        else:
            found = self.norm(middle)
        result: Tensor = self.head(found.flatten(1))
        return result


WAYS = (
    "a convolution used twice",
    "a norm used twice",
    "an output with another user",
    "a function between",
    "a layer between",
    "a norm without statistics",
)


@pytest.mark.parametrize("way", WAYS)
def test_what_cannot_be_folded_is_the_same_function_before_and_after(way: str) -> None:
    """Before it has learned, folding would hardly show: statistics are 0 and 1."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = wrap(Unfoldable(way), shape=DIGIT, classes=10, mean=(0,), std=(1,))
    network, inputs = frozen(model), rand(3, *DIGIT, seed=7)
    assert isinstance(network.body, fx.GraphModule)
    assert network.folds == {}
    torch.testing.assert_close(network(inputs), plain(model, inputs), rtol=1e-4, atol=1e-4)
    before = plain(model, inputs)
    network.refresh(aged(model))
    assert (plain(model, inputs) - before).abs().max() > 0.1
    torch.testing.assert_close(network(inputs), plain(model, inputs), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(frozen(model)(inputs), plain(model, inputs), rtol=1e-4, atol=1e-4)


def test_a_network_that_cannot_be_traced_is_refreshed_too() -> None:
    model = wrap(Branching(), shape=DIGIT, classes=10, mean=(0,), std=(1,))
    network, inputs = frozen(model), rand(3, *DIGIT, seed=7)
    network.refresh(aged(model))
    torch.testing.assert_close(network(inputs), plain(model, inputs))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_network_on_a_gpu_is_folded_and_refreshed_there() -> None:
    model, inputs = lived("resnet8").to("cuda"), rand(3, *DIGIT, seed=7).to("cuda")
    network = frozen(lived("resnet8"), Machine("cuda"))
    network.refresh(model)
    assert network.folds
    assert not network.anew
    torch.testing.assert_close(network(inputs), plain(model, inputs), rtol=1e-2, atol=1e-2)
