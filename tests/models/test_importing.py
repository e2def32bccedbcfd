"""Networks from elsewhere: their own logits in ours, whatever made them and however their weights were saved."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from featsplit.errors import FeatsplitError, FeatsplitWarning
from featsplit.metadata.training import STANDARD, Training, adversary_of, training_of
from featsplit.models import ModelSpec, build, load_model, save_model, wrap
from featsplit.models.importing import Foreign
from featsplit.models.weights import fill, read_weights

SHAPE, CLASSES = (3, 32, 32), 5
MEAN, STD = torch.tensor([0.485, 0.456, 0.406])[:, None, None], torch.tensor([0.229, 0.224, 0.225])[:, None, None]
OF_TIMM = {
    "vit_tiny_patch16_224": "a transformer, made for one size of images",
    "convnext_atto": "a norm between pooling and head",
    "resnet18": "the usual",
    "swin_tiny_patch4_window7_224": "windows",
    "efficientnet_lite0": "depthwise convolutions",
    "mobilenetv3_small_050": "a convolution before the head",
    "resnetv2_50x1_bit": "a head that is a convolution",
}
pytestmark = pytest.mark.slow


def saved(network: nn.Module, path: Path, save: Callable[[Any, Path], None]) -> Path:
    save(network.state_dict(), path)
    return path


@pytest.mark.parametrize("name", OF_TIMM)
def test_a_network_of_timm_gives_its_own_logits(name: str, tmp_path: Path) -> None:
    theirs = _of_timm(name)
    weights = saved(theirs, tmp_path / "theirs.pth", torch.save)
    ours = Foreign(f"timm:{name}", weights).load(shape=SHAPE, classes=CLASSES)
    said = theirs.default_cfg
    inputs = torch.rand(3, *SHAPE)
    mean, std = (torch.tensor(said[key])[:, None, None] for key in ("mean", "std"))
    with torch.no_grad():
        torch.testing.assert_close(ours(inputs), theirs.eval()((inputs - mean) / std), rtol=1e-4, atol=1e-4)
    assert ours.representation(inputs).shape == (3, ours.head.in_features)


def _of_timm(name: str) -> Any:
    torch.manual_seed(1)
    options: dict[str, Any] = {"img_size": SHAPE[1:]} if name.startswith(("vit", "swin")) else {}
    network = timm.create_model(name, num_classes=CLASSES, **options)
    for layer in network.modules():  # statistics that are not those of a fresh network
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.running_mean is not None
            layer.running_mean.uniform_(-0.1, 0.1)
    return network


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small"])
def test_a_network_of_torchvision_gives_its_own_logits(name: str, tmp_path: Path) -> None:
    theirs = torchvision.models.get_model(name, weights=None, num_classes=CLASSES)
    weights = saved(theirs, tmp_path / "theirs.safetensors", lambda state, path: save_file(state, path))
    ours = Foreign(f"torchvision:{name}", weights).load(shape=SHAPE, classes=CLASSES)
    inputs = torch.rand(2, *SHAPE)
    with torch.no_grad():
        torch.testing.assert_close(ours(inputs), theirs.eval()((inputs - MEAN) / STD), rtol=1e-4, atol=1e-4)


def test_it_is_a_checkpoint_that_opens_again(tmp_path: Path) -> None:
    weights = saved(_of_timm("resnetv2_50x1_bit"), tmp_path / "theirs.pt", torch.save)
    foreign = Foreign("timm:resnetv2_50x1_bit", weights)
    ours = foreign.load(shape=SHAPE, classes=CLASSES)
    save_model(ours, tmp_path / "ours.safetensors", spec=foreign.spec, extra={"recipe": foreign.recipe(STANDARD)})
    again, inputs = load_model(tmp_path / "ours.safetensors"), torch.rand(2, *SHAPE)
    with torch.no_grad():
        assert torch.equal(again(inputs), ours(inputs))


MINE = """
from torch import nn

class Output:
    def __init__(self, logits):
        self.logits = logits

class Net(nn.Module):
    def __init__(self, pixels, classes):
        super().__init__()
        self.first, self.last = nn.Linear(pixels, 7), nn.Linear(7, classes)

    def forward(self, images):
        return Output(logits=self.last(self.first(images.flatten(1)).relu()))

def make(shape, classes):
    return Net(shape[0] * shape[1] * shape[2], classes)
"""


@pytest.fixture
def mine(tmp_path: Path) -> str:
    """A factory in a file of its own, of a network that returns an object with logits, as those of transformers do."""
    (tmp_path / "mine.py").write_text(textwrap.dedent(MINE))
    return f"{tmp_path / 'mine.py'}:make"


@pytest.mark.parametrize("wrapped", [lambda s: s, lambda s: {"epoch": 3, "state_dict": s, "optimizer": {"lr": 0.1}}])
@pytest.mark.parametrize("start", ["", "module.", "module._orig_mod.model."])
def test_weights_are_found_in_what_programs_save(
    mine: str, wrapped: Callable[[Any], Any], start: str, tmp_path: Path
) -> None:
    spec = ModelSpec(mine)
    theirs = build(spec, shape=(1, 4, 4), classes=3, seed=4)
    state = {
        f"{start}{name.removeprefix('body.').replace('head', 'last')}": value
        for name, value in theirs.state_dict().items()
        if name.startswith(("body.", "head."))
    }
    torch.save(wrapped(state), tmp_path / "w.pt")
    foreign = Foreign(mine, tmp_path / "w.pt", mean=[0.5], std=[0.25])
    ours, inputs = foreign.load(shape=(1, 4, 4), classes=3), torch.rand(2, 1, 4, 4)
    theirs.normalise_to(torch.tensor([0.5]), torch.tensor([0.25]))
    with torch.no_grad():
        torch.testing.assert_close(ours(inputs), theirs.eval()(inputs))


def test_a_network_without_a_normalisation_is_noted(mine: str, tmp_path: Path) -> None:
    state = {f"{n}.{k}": torch.zeros(s) for n, k, s in _sizes()}
    torch.save(state, tmp_path / "w.pt")
    with pytest.warns(FeatsplitWarning, match="mean = 0 and std = 1"):
        Foreign(mine, tmp_path / "w.pt").load(shape=(1, 4, 4), classes=3)


def _sizes() -> list[tuple[str, str, tuple[int, ...]]]:
    return [("first", "weight", (7, 16)), ("first", "bias", (7,)), ("last", "weight", (3, 7)), ("last", "bias", (3,))]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("last.bias"), 'has no "last.bias"; is it of this network'),
        (lambda s: s.update({"last.b": s.pop("last.bias")}), 'has no "last.bias", but "last.b"; is it'),
        (lambda s: s.update({"more": torch.zeros(1)}), 'has "more", which the network has not'),
        (
            lambda s: s.update({"last.bias": torch.zeros(4)}),
            r'"last.bias" is \(4,\), the network\'s \(3,\): other images',
        ),
        (lambda s: s.update({"last.bias": torch.full((3,), torch.nan)}), '"last.bias" has numbers that no network can'),
    ],
)
def test_weights_of_another_network_are_refused(
    mine: str, change: Callable[[dict[str, Tensor]], object], message: str, tmp_path: Path
) -> None:
    state = {f"{n}.{k}": torch.zeros(s) for n, k, s in _sizes()}
    change(state)
    torch.save(state, tmp_path / "w.pt")
    with pytest.raises(FeatsplitError, match=rf"w\.pt: {message}"):
        Foreign(mine, tmp_path / "w.pt", mean=[0.5], std=[0.25]).load(shape=(1, 4, 4), classes=3)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("timm:resnet81", SHAPE, "timm has no such network; did you mean .*resnet18"),
        ("torchvision:resnet81", SHAPE, "torchvision has no such network; did you mean .*resnet18"),
        ("torchvision:resnet18", (1, 8, 8), "takes colour images; these have 1 channels"),
        ("timm:vit_tiny_patch16_224", (3, 8, 8), "cannot take images of 3 x 8 x 8"),
        ("nowhere.py:make", SHAPE, r"nowhere\.py: no such file; write it as FILE\.py:function"),
    ],
)
def test_a_network_that_cannot_be_made_is_a_line(name: str, shape: tuple[int, int, int], message: str) -> None:
    with pytest.raises(FeatsplitError, match=message):
        build(name, shape=shape, classes=CLASSES)


@pytest.mark.parametrize("name", ["mine:make", "./mine.py:make"])
def test_the_users_own_code_has_no_weights_of_its_own(name: str) -> None:
    with pytest.raises(FeatsplitError, match="has no weights of its own; give the file, --weights FILE"):
        Foreign(name).load(shape=SHAPE, classes=CLASSES)


def test_a_file_that_is_not_there_or_holds_no_weights(tmp_path: Path) -> None:
    with pytest.raises(FeatsplitError, match="no such file"):
        read_weights(tmp_path / "w.pt")
    torch.save([1, 2], tmp_path / "w.pt")
    with pytest.raises(FeatsplitError, match="is no state_dict"):
        read_weights(tmp_path / "w.pt")
    (tmp_path / "w.safetensors").write_bytes(b"nothing")
    with pytest.raises(FeatsplitError, match="is no readable safetensors file"):
        read_weights(tmp_path / "w.safetensors")


def test_what_is_missing_of_a_batchnorm_is_only_its_count(tmp_path: Path) -> None:
    """Files of torch before 0.4.1 have none."""
    network = nn.Sequential(nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))
    state = {name: value for name, value in network.state_dict().items() if "num_batches" not in name}
    fill(network, state, "w.pt")


@pytest.mark.parametrize("training", [STANDARD, Training("adversarial", "pgd", "l2", 0.5), Training()])
def test_a_recipe_says_how_it_was_trained(training: Training) -> None:
    assert training_of({"adversary": adversary_of(training)}) == training


def test_a_head_that_is_a_convolution_is_the_linear_layer_that_it_is() -> None:
    class Head(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.pool, self.fc = nn.Conv2d(3, 6, 3), nn.AdaptiveAvgPool2d(1), nn.Conv2d(6, CLASSES, 1)

        def forward(self, images: Tensor) -> Tensor:
            outputs: Tensor = self.fc(self.pool(self.stem(images))).flatten(1)
            return outputs

    network, inputs = Head(), torch.rand(2, *SHAPE)
    ours = wrap(network, shape=SHAPE, classes=CLASSES, mean=(0, 0, 0), std=(1, 1, 1))
    torch.testing.assert_close(ours(inputs), network(inputs), rtol=1e-5, atol=1e-6)
    assert ours.representation(inputs).shape == (2, 6)
