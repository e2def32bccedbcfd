"""A network made fast is the same function, and prediction and devices do as they say."""

import re
import subprocess
import sys

import pytest
import torch
from torch import Tensor, fx, nn

from featsplit.data.images import Split
from featsplit.errors import FeatsplitError
from featsplit.models import ARCHITECTURES, Classifier, ModelSpec, build, wrap
from featsplit.models.build import SMALL_ARCHITECTURES
from featsplit.models.checkpoints import state_digest
from featsplit.runtime import accuracy, batches, frozen, layout, predict, resolve_device

DIGIT = (1, 8, 8)


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def lived(arch: str, *, shape: tuple[int, int, int] | None = None) -> Classifier:
    """A network whose BatchNorm layers have statistics and weights as after training."""
    shape = shape or (DIGIT if arch in SMALL_ARCHITECTURES else (3, 32, 32))
    model = build(arch, shape=shape, classes=10, seed=1)
    model.normalise_by(rand(20, *shape))
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            size = layer.num_features
            state = {"running_mean": rand(size) - 0.5, "running_var": 0.5 + rand(size, seed=1)}
            state |= {"weight": 0.5 + rand(size, seed=2), "bias": rand(size, seed=3) - 0.5}
            layer.load_state_dict(state, strict=False)
    return model.train()


def plain(model: Classifier, inputs: Tensor) -> Tensor:
    """The logits of `model` in eval mode."""
    with torch.no_grad():
        logits: Tensor = model.eval()(inputs)
    model.train()
    return logits


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_frozen_network_is_the_same_function(arch: str) -> None:
    model = lived(arch)
    inputs = rand(2, *model.shape, seed=7)
    expected = plain(model, inputs)
    found = frozen(model)(inputs)
    assert expected.std() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("arch", "shape"), [("cnn", DIGIT), ("resnet8", DIGIT), ("resnet18", (3, 32, 32)), ("resnet18", (1, 32, 32))]
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
    model = wrap(kind(), shape=DIGIT, classes=10)
    network = frozen(model)
    assert type(network.body) is kind
    inputs = rand(2, *DIGIT, seed=7)
    torch.testing.assert_close(network(inputs), plain(model, inputs))


@pytest.mark.parametrize("training", [False, True])
def test_predict_reads_one_by_one_and_keeps_the_mode(training: bool) -> None:
    model = lived("resnet8").train(training)
    images = (255 * rand(11, *DIGIT, seed=7)).to(torch.uint8)
    found = predict(model, Split(images, torch.zeros(11, dtype=torch.int64)), batch_size=4)
    assert all(layer.training == training for layer in model.modules())
    alone = [int(plain(model, image[None] / 255).argmax()) for image in images]
    assert found.tolist() == alone
    assert len(set(alone)) > 1


def test_accuracy_is_the_share_of_labels_read() -> None:
    model, images = lived("resnet8"), rand(10, *DIGIT, seed=7)
    labels = plain(model, images).argmax(1)
    labels[:3] = (labels[:3] + 1) % 10
    assert accuracy(model, Split(images, labels)) == pytest.approx(0.7)


def test_batches_are_all_indices_in_order() -> None:
    assert [batch.tolist() for batch in batches(7, 3)] == [[0, 1, 2], [3, 4, 5], [6]]


@pytest.mark.parametrize(("there", "expected"), [(True, "cuda"), (False, "cpu")])
def test_auto_is_a_gpu_where_there_is_one(there: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert resolve_device() == torch.device(expected)
    assert resolve_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cuda:99", r'device = "cuda:99": is not there \(.+\); use --device cpu'),
        ("cpu:x", r'device = "cpu:x": is not there \(.+\); use --device cpu'),
        ("cudo", r'device = "cudo": must be one of auto, cpu, cuda, cuda:0, mps; did you mean "cuda"\?'),
        ("", r'device = "": must be one of auto, cpu, cuda, cuda:0, mps'),
    ],
)
def test_a_device_that_is_not_there_is_refused(name: str, message: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        resolve_device(name)
    assert re.fullmatch(message, str(caught.value))


@pytest.mark.parametrize(
    ("arch", "width", "device", "expected"),
    [
        ("resnet8", 8, "cpu", torch.contiguous_format),
        ("resnet8", 16, "cpu", torch.channels_last),
        ("cnn", 24, "cpu", torch.contiguous_format),
        ("resnet8", 8, "cuda", torch.channels_last),
        ("linear", None, "cpu", torch.channels_last),
    ],
)
def test_channels_last_only_where_it_is_safe(
    arch: str, width: int | None, device: str, expected: torch.memory_format
) -> None:
    model = build(ModelSpec(arch, width=width), shape=(3, 8, 8), classes=3)
    assert layout(model, device) == expected


def test_eight_channels_train_on_two_threads() -> None:
    """In channels_last this ends in heap corruption with torch 2.15."""
    code = """
import torch
from featsplit.data.images import ImageData, Split
from featsplit.models import ModelSpec, build
from featsplit.training import Recipe, train
torch.set_num_threads(2)
split = Split(torch.randint(0, 256, (3000, 1, 14, 14), dtype=torch.uint8), torch.arange(3000) % 10)
data = ImageData("random", tuple("0123456789"), split, split.take(torch.arange(10)))
train(build(ModelSpec("resnet8", width=8), shape=data.shape, classes=10), data, Recipe(epochs=3))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
