"""Encoders: the output of a layer against the library's own, pooled; what is cut off; what is refused."""

import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.feature_extraction import create_feature_extractor

from featsplit.errors import FeatsplitError
from featsplit.models import Classifier, ModelSpec, build, load_model, save_model, wrap
from featsplit.models.checkpoints import read_metadata
from featsplit.models.encoder import Cut, cut, encoder_of, inner, layers_of, pooled
from featsplit.models.importing import Foreign
from featsplit.runtime import frozen

SHAPE, CLASSES = (3, 32, 32), 5
INPUTS = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(1))


class Case(NamedTuple):
    """A network of timm, one of its layers, and how that is pooled."""

    name: str
    layer: str
    pool: Any = None


CASES = [
    Case("vit_tiny_patch16_224", "blocks.3", "first"),
    Case("vit_tiny_patch16_224", "norm"),
    Case("convnext_atto", "stages.2"),
    Case("resnet18", "layer3", "max"),
    Case("swin_tiny_patch4_window7_224", "layers.1"),
    Case("efficientnet_lite0", "blocks.4", "flatten"),
    Case("mobilenetv3_small_050", "blocks.3"),
    Case("resnetv2_50x1_bit", "stages.1"),
]


def of_timm(name: str, classes: int = CLASSES) -> Any:
    torch.manual_seed(1)
    options: dict[str, Any] = {"img_size": SHAPE[1:]} if name.startswith(("vit", "swin")) else {}
    return timm.create_model(name, num_classes=classes, **options).eval()


def expected_of(network: nn.Module, case: Case) -> Tensor:
    """The output of the layer by a hook of the test's own, pooled by its name."""
    seen: list[Tensor] = []
    network.get_submodule(case.layer).register_forward_hook(lambda layer, inputs, output: seen.append(output))
    with torch.no_grad():
        network(INPUTS)
    (output,) = seen
    if case.name.startswith("swin"):
        output = output.permute(0, 3, 1, 2)
    reduce: dict[str, Callable[[Tensor], Tensor]] = {"first": lambda x: x[:, 0], "flatten": lambda x: x.flatten(1)}
    if case.pool in reduce:
        return reduce[case.pool](output)
    places = (2, 3) if output.ndim == 4 else (1,)
    return output.amax(dim=places) if case.pool == "max" else output.mean(dim=places)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{case.layer}")
def test_a_layer_of_timm_gives_its_own_output(case: Case, tmp_path: Path) -> None:
    theirs = of_timm(case.name)
    torch.save(theirs.state_dict(), tmp_path / "theirs.pth")
    foreign = Foreign(f"timm:{case.name}", tmp_path / "theirs.pth", (0,) * 3, (1,) * 3, case.layer, case.pool)
    ours, expected = foreign.load(shape=SHAPE, classes=7), expected_of(theirs, case)
    with torch.no_grad():
        torch.testing.assert_close(ours.representation(INPUTS), expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(frozen(ours).representation(INPUTS), expected, rtol=1e-3, atol=1e-4)
    assert ours.classes == 0
    save_model(ours, tmp_path / "ours.safetensors", spec=foreign.spec_for(7))
    again = load_model(tmp_path / "ours.safetensors")
    with torch.no_grad():
        torch.testing.assert_close(again.representation(INPUTS), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "resnet18", "mobilenetv3_small_050"])
def test_the_whole_output_of_a_network_without_a_head(name: str, tmp_path: Path) -> None:
    theirs = of_timm(name, 0)
    torch.save(theirs.state_dict(), tmp_path / "theirs.pth")
    foreign = Foreign(f"timm:{name}", tmp_path / "theirs.pth", (0,) * 3, (1,) * 3, "output")
    ours = foreign.load(shape=SHAPE, classes=7)
    with torch.no_grad():
        torch.testing.assert_close(ours.representation(INPUTS), theirs(INPUTS), rtol=1e-4, atol=1e-5)
    save_model(ours, tmp_path / "ours.safetensors", spec=foreign.spec_for(7))
    assert load_model(tmp_path / "ours.safetensors").head.in_features == theirs(INPUTS).shape[1]


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["layer2.1.conv2", "avgpool"])
def test_a_layer_of_torchvision_is_that_of_its_own_extractor(layer: str, tmp_path: Path) -> None:
    theirs = torchvision.models.get_model("resnet18", weights=None, num_classes=CLASSES).eval()
    torch.save(theirs.state_dict(), tmp_path / "theirs.pth")
    ours = Foreign("torchvision:resnet18", tmp_path / "theirs.pth", (0,) * 3, (1,) * 3, layer, "flatten").load(
        shape=SHAPE, classes=9
    )
    with torch.no_grad():
        expected = create_feature_extractor(theirs, [layer])(INPUTS)[layer].flatten(1)
        torch.testing.assert_close(ours.representation(INPUTS), expected, rtol=1e-4, atol=1e-5)


class Tokens(nn.Module):
    """An encoder that returns an object, as those of transformers do, and not its tokens."""

    def __init__(self, pooler: bool) -> None:
        super().__init__()
        self.embed, self.pooler = nn.Conv2d(3, 6, 8, 8), nn.Linear(6, 4) if pooler else None

    def forward(self, pixel_values: Tensor) -> SimpleNamespace:
        tokens = self.embed(pixel_values).flatten(2).transpose(1, 2)
        return SimpleNamespace(
            last_hidden_state=tokens, pooler_output=None if self.pooler is None else self.pooler(tokens[:, 0]).tanh()
        )


def test_an_output_object_gives_what_it_has_pooled_or_else_its_tokens() -> None:
    network = Tokens(pooler=True)
    found = encoder_of(network, "output", shape=SHAPE).representation(INPUTS)
    assert torch.equal(found, network(INPUTS).pooler_output)
    plain = Tokens(pooler=False)
    tokens = plain(INPUTS).last_hidden_state
    assert torch.equal(encoder_of(plain, "output", shape=SHAPE).representation(INPUTS), tokens.mean(dim=1))
    assert torch.equal(encoder_of(plain, "output", "first", shape=SHAPE).representation(INPUTS), tokens[:, 0])


def small() -> Classifier:
    return build("resnet8", shape=SHAPE, classes=CLASSES, seed=3).eval()


def test_what_comes_after_the_layer_is_not_run() -> None:
    calls: list[str] = []
    network = nn.Sequential(nn.Flatten(), nn.Linear(3072, 8), nn.ReLU(), nn.Linear(8, 5))
    network[3].register_forward_hook(lambda layer, inputs, output: calls.append("head"))
    encoder = encoder_of(network, "1", shape=SHAPE)
    assert torch.equal(encoder.representation(INPUTS), network[:2](INPUTS))
    assert calls == []
    assert not network[1]._forward_hooks, "nothing is left on it"


def test_a_classifier_cut_at_a_layer_keeps_its_normalisation_and_its_own_head() -> None:
    model = small()
    model.normalise_to(torch.tensor([0.2, 0.4, 0.6]), torch.tensor([0.3, 0.5, 0.7]))
    name = layers_of(model)[-3].name
    encoder = cut(model, name)
    assert encoder.classes == 0
    assert torch.equal(encoder.mean, model.mean)
    assert model.classes == CLASSES
    again = cut(encoder, name)
    assert torch.equal(again.representation(INPUTS), encoder.representation(INPUTS))
    assert isinstance(again.body, Cut)
    assert again.body.network is inner(model)


def test_layers_are_those_that_run_by_the_names_that_their_author_gave_them() -> None:
    network = torchvision.models.get_model("resnet18", weights=None, num_classes=CLASSES)
    network.unused = nn.Linear(3, 3)
    model = wrap(network, shape=SHAPE, classes=CLASSES, mean=(0,) * 3, std=(1,) * 3)
    found = {info.name: info for info in layers_of(model)}
    assert "unused" not in found
    assert found["layer2.0.conv1"].shape == (128, 4, 4)
    assert (found["layer2"].kind, found["layer2"].shape) == ("Sequential", (128, 4, 4))
    assert list(found)[-1] == "output"
    assert found["output"].shape == (512,), "the head is apart"


def test_a_map_is_channels_first_unless_its_first_two_sizes_alone_are_equal() -> None:
    maps = torch.rand(2, 6, 4, 4)
    assert torch.allclose(pooled(maps, "mean"), maps.mean(dim=(2, 3)))
    assert torch.allclose(pooled(maps.permute(0, 2, 3, 1), "max"), maps.amax(dim=(2, 3)))
    even = torch.rand(2, 4, 4, 4)
    assert torch.allclose(pooled(even, "mean"), even.mean(dim=(2, 3)))
    with pytest.raises(FeatsplitError, match="a map of 4 x 8 x 96: which are height and width"):
        pooled(torch.rand(2, 4, 8, 96), "mean")
    with pytest.raises(FeatsplitError, match='pool "first": is of tokens, and this is a map'):
        pooled(maps, "first")
    with pytest.raises(FeatsplitError, match='pool "mean": is of maps and tokens, and this is 2 x 2 x 2 x 2'):
        pooled(torch.rand(1, 2, 2, 2, 2), "mean")


class Blind(nn.Module):
    """Its layers give no gradient, are not run, or give no tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.idle, self.sure, self.words = nn.Linear(3, 3), nn.Flatten(), Words()

    def forward(self, inputs: Tensor) -> Tensor:
        self.words(inputs)
        flat: Tensor = self.sure(inputs.detach())
        return flat


class Words(nn.Module):
    """Gives a text."""

    def forward(self, inputs: Tensor) -> str:
        return "none"


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("idl", 'mine: has no layer "idl", but idle ...: featsplit info MODEL --layers'),
        ("idle", 'mine: layer "idle": layer "idle": does not run where the network computes its output'),
        ("words", 'mine: layer "words": the layer returns a str, and no tensor'),
        ("sure", 'mine: layer "sure": has no gradient to the image, so nothing can be matched by it'),
    ],
)
def test_what_is_no_representation_is_refused(layer: str, message: str) -> None:
    with pytest.raises(FeatsplitError) as error:
        encoder_of(Blind(), layer, shape=SHAPE, place="mine")
    assert message in str(error.value)


def test_an_encoder_takes_images_and_predicts_nothing() -> None:
    encoder = cut(small(), "output")
    encoder.expect("here", shape=SHAPE, classes=None)
    with pytest.raises(FeatsplitError, match=r"here: the model is an encoder without a head.*featsplit probe"):
        encoder.expect("here", shape=SHAPE, classes=CLASSES)


def test_a_checkpoint_says_its_layer_and_one_without_is_as_before(tmp_path: Path) -> None:
    spec = ModelSpec("resnet8", layer="2", pool="max")
    model = build(spec, shape=SHAPE, classes=0)
    save_model(model, tmp_path / "e.safetensors", spec=spec)
    metadata = read_metadata(tmp_path / "e.safetensors")
    assert (metadata.layer, metadata.pool, metadata.network) == ("2", "max", "resnet8 layer 2 (max)")
    assert ModelSpec("resnet8").plain() == {"arch": "resnet8", "width": None, "stages": None}
    assert "layer" not in str(wrapped_plain(tmp_path))


def wrapped_plain(folder: Path) -> object:
    save_model(small(), folder / "c.safetensors", spec=ModelSpec("resnet8"))
    return read_metadata(folder / "c.safetensors").plain()["model"]


def test_torch_says_nothing_of_a_head_without_classes() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cut(small(), "output")(INPUTS).shape == (3, 0)


class Logs(nn.Module):
    """A network whose logits something follows, so that it has no head, and whose size hangs on the classes."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.f, self.last = nn.Sequential(nn.Flatten(), nn.Linear(3072, 6)), nn.Linear(6, classes)

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.last(self.f(inputs)).log_softmax(dim=1)
        return found


def logs(*, shape: tuple[int, int, int], classes: int) -> nn.Module:
    return Logs(classes)


@pytest.mark.parametrize("layer", ["f", "output"])
def test_an_encoder_whose_size_hangs_on_the_classes_opens_again(layer: str, tmp_path: Path) -> None:
    torch.save(Logs(7).state_dict(), tmp_path / "w.pt")
    code = f"{__file__}:logs"
    foreign = Foreign(code, tmp_path / "w.pt", (0,) * 3, (1,) * 3, layer)
    ours = foreign.load(shape=SHAPE, classes=7)
    save_model(ours, tmp_path / "e.safetensors", spec=foreign.spec_for(7))
    again = load_model(tmp_path / "e.safetensors", factory=code)
    assert torch.equal(again.representation(INPUTS), ours.representation(INPUTS))
