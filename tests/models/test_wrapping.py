"""Own networks: which layer is the head, the normalisation, what is refused, and errors in the user's code."""

import importlib
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from featsplit.data.images import ImageData
from featsplit.errors import FeatsplitError
from featsplit.models import Classifier, ModelSpec, build, load_model, save_model, wrap
from featsplit.models.wrapping import RULE
from featsplit.training import Adversary, Recipe, train

DIGIT = (1, 8, 8)
COLOUR = (3, 8, 8)
FLAT = nn.Flatten()


def images(shape: tuple[int, int, int], n: int = 3) -> Tensor:
    return torch.rand((n, *shape), generator=torch.Generator().manual_seed(0))


def wrapped(network: nn.Module, **arguments: Any) -> Classifier:
    """`network` for 10 classes of digits, with no normalisation."""
    return wrap(network, shape=DIGIT, classes=10, mean=(0,), std=(1,), **arguments)


def refusal(network: nn.Module) -> str:
    """What is said of `network`."""
    with pytest.raises(FeatsplitError) as caught:
        wrapped(network, place="mine")
    assert str(caught.value).startswith("mine: ")
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix("mine: ")


class HeadFirst(nn.Module):
    """Its head is defined before other linear layers, and has two names."""

    def __init__(self) -> None:
        super().__init__()
        self.head = self.classifier = nn.Linear(20, 10)
        self.hidden, self.unused = nn.Linear(64, 20), nn.Linear(5, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.hidden(inputs.flatten(1)).relu())
        return logits


def test_the_head_is_the_layer_that_computes_the_logits_wherever_it_is_defined() -> None:
    network = HeadFirst()
    model, hidden = wrapped(network), network.hidden(images(DIGIT).flatten(1)).relu()
    assert torch.equal(model.head.weight, network.head.weight)
    assert torch.equal(model.representation(images(DIGIT)), hidden)
    assert torch.equal(model(images(DIGIT)), network(images(DIGIT)))


class Pair(nn.Sequential):
    def forward(self, inputs: Tensor) -> Any:
        return self[1](self[0](inputs)), inputs


class Picky(nn.Linear):
    def forward(self, inputs: Tensor) -> Tensor:
        raise ValueError("wants other images\nand says so at length")


class Mapping(nn.Linear):
    def forward(self, inputs: Tensor) -> Tensor:
        return dict[str, Tensor]()["logits"]


class Functional(nn.Module):
    """Uses the weights of its layer, and not the layer."""

    def __init__(self) -> None:
        super().__init__()
        self.own = nn.Linear(64, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        return nn.functional.linear(inputs.flatten(1), self.own.weight, self.own.bias)


class Scaled(nn.Sequential):
    """Does something to its logits in place."""

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self[1](self[0](inputs))
        return logits.div_(10)


HERE = Path(__file__).name
REFUSED = {
    "no linear": (
        nn.Sequential(nn.Conv2d(1, 10, 8), FLAT),
        f"gives no representation, having no torch.nn.Linear layer: {RULE}",
    ),
    "softmax": (
        nn.Sequential(FLAT, nn.Linear(64, 10), nn.Softmax(1)),
        f'Softmax "2" follows its last linear layer "1": {RULE}',
    ),
    "in place": (Scaled(FLAT, nn.Linear(64, 10)), f'something follows its last linear layer "1": {RULE}'),
    "unused": (Functional(), f"does not call its torch.nn.Linear layers as modules: {RULE}"),
    "tuple": (Pair(FLAT, nn.Linear(64, 10)), f"returns a tuple, not a tensor of logits: {RULE}"),
    "classes": (
        nn.Sequential(FLAT, nn.Linear(64, 7)),
        f"logits (2, 7), input of the last linear layer (2, 64) for 2 images of 10 classes: {RULE}",
    ),
    "error": (
        Picky(8, 10),
        f"cannot take images of 1 x 8 x 8: ValueError: wants other images and says so at length ({HERE}, line LINE)",
    ),
    "any error": (Mapping(8, 10), f"cannot take images of 1 x 8 x 8: KeyError: 'logits' ({HERE}, line LINE)"),
    "size": (
        nn.Sequential(FLAT, nn.Linear(65, 10)),
        "cannot take images of 1 x 8 x 8: RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x64 and 65x10)",
    ),
}


@pytest.mark.parametrize(("network", "message"), REFUSED.values(), ids=REFUSED)
def test_a_network_without_a_representation_is_refused(network: nn.Module, message: str) -> None:
    assert re.sub(r"line \d+", "line LINE", refusal(network)) == message


class Losses(NamedTuple):
    """What torchvision's googlenet returns in train mode."""

    logits: Tensor
    auxiliary: Tensor


class Training(nn.Module):
    """Does something else in train mode; `way` says what."""

    def __init__(self, way: str = "auxiliary") -> None:
        super().__init__()
        self.way, self.norm = way, nn.BatchNorm2d(1)
        self.hidden, self.head, self.auxiliary = nn.Linear(64, 12), nn.Linear(12, 10), nn.Linear(12, 10)

    def forward(self, inputs: Tensor) -> Any:
        hidden = self.hidden(self.norm(inputs).flatten(1)).relu()
        logits: Tensor = self.head(hidden)
        if not self.training:
            return logits
        if self.way == "error":
            raise ZeroDivisionError
        if self.way == "in place":
            return logits.neg_()
        if self.way == "softmax":
            return logits.softmax(1)
        if self.way == "swapped":
            return self.auxiliary(hidden), logits
        return {"logits": logits} if self.way == "words" else Losses(logits, self.auxiliary(hidden))


TRAINING = {
    "swapped": f'its logits are those of "head", in train mode of "auxiliary": {RULE}',
    "words": f"in train mode returns a dict, not a tensor of logits: {RULE}",
    "softmax": f'in train mode something follows its last linear layer "head": {RULE}',
    "in place": f'in train mode something follows its last linear layer "head": {RULE}',
    "error": f"in train mode cannot take images of 1 x 8 x 8: ZeroDivisionError ({HERE}, line LINE); build it without "
    "what it does in training alone, such as aux_logits=False",
}


@pytest.mark.parametrize(("way", "message"), TRAINING.items(), ids=TRAINING)
def test_what_is_no_network_in_train_mode_is_refused_before_the_first_batch(way: str, message: str) -> None:
    assert re.sub(r"line \d+", "line LINE", refusal(Training(way))) == message


@pytest.mark.parametrize("adversary", [None, Adversary("pgd", eps=0.3, steps=2)], ids=["standard", "adversarial"])
def test_auxiliary_logits_are_left_out_in_training(digits: ImageData, adversary: Adversary | None) -> None:
    """The loss is that of the logits, so the auxiliary head learns nothing and the other does."""
    model = wrapped(Training())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    history = train(model, digits, Recipe(epochs=3, batch_size=50, lr=0.1, adversary=adversary))
    assert history[-1]["loss"] < history[0]["loss"]
    same = {name for name, value in model.state_dict().items() if torch.equal(value, before[name])}
    assert same == {"body.auxiliary.weight", "body.auxiliary.bias"}


def test_probing_leaves_the_network_and_the_state_of_randomness_alone() -> None:
    network = nn.Sequential(nn.BatchNorm2d(1).eval(), nn.Dropout(0.5), FLAT, nn.Linear(64, 10))
    state = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    model = wrapped(network)
    assert torch.equal(torch.rand(3), expected)
    assert [layer.training for layer in model.body.children()][:2] == [False, True]
    assert [layer.training for layer in network.children()][:2] == [False, True]
    assert not any(layer._forward_hooks for layer in (*model.modules(), *network.modules()))
    ours = {name.removeprefix("body.").replace("head.", "3."): value for name, value in model.state_dict().items()}
    for name, value in state.items():
        assert torch.equal(network.state_dict()[name], value)
        assert torch.equal(ours[name], value), "no statistics of the probe in it"


def test_wrap_leaves_the_users_network_as_it_was() -> None:
    network = nn.Sequential(FLAT, nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, 10))
    before = network(images(DIGIT))
    model = wrapped(network)
    assert torch.equal(network(images(DIGIT)), before)
    assert torch.equal(model(images(DIGIT)), before)


def test_what_cannot_be_copied_is_refused() -> None:
    network = nn.Sequential(FLAT, nn.Linear(64, 10))
    network.last = network(images(DIGIT))
    assert re.fullmatch(
        r"cannot be copied: RuntimeError: Only Tensors created explicitly by the user .*; run it once under "
        r"torch\.no_grad\(\) first, if it keeps tensors that have a gradient",
        refusal(network),
    )


def test_the_normalisation_that_a_network_was_trained_with_is_inside() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), FLAT, nn.Linear(144, 10))
    mean, std = (0.4914, 0.4822, 0.4465), [0.2471, 0.0004, 1.5]
    model = wrap(network, shape=COLOUR, classes=10, mean=mean, std=std)
    normalised = torch.stack([(images(COLOUR)[:, c] - mean[c]) / std[c] for c in range(3)], dim=1)
    torch.testing.assert_close(model(images(COLOUR)), network(normalised))


@pytest.mark.parametrize(
    ("given", "said"),
    [({}, "mean = 0 and std = 1"), ({"mean": (0.5,)}, "std = 1"), ({"std": (0.5,)}, "mean = 0")],
    ids=["none", "mean", "std"],
)
def test_no_normalisation_is_never_taken_without_a_word(given: dict[str, tuple[float]], said: str) -> None:
    network = nn.Sequential(FLAT, nn.Linear(64, 10))
    with pytest.warns(UserWarning, match=said) as caught:
        model = wrap(network, shape=DIGIT, classes=10, **given)  # type: ignore[arg-type]
    assert [str(warning.message) for warning in caught] == [
        f"model: taken with {said}, since wrap was not told; a network that was trained on normalised images predicts "
        "badly so: wrap(..., mean=(...), std=(...)), one number for each channel, of pixels in [0, 1]; zeros and ones "
        "say that there was none"
    ]
    assert caught[0].filename == __file__
    assert (model.mean.item(), model.std.item()) == (given.get("mean", (0.0,))[0], given.get("std", (1.0,))[0])


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ((0.5,), (1, 1, 1), "mean = (0.5): must be 3 numbers, one for each channel of images 3 x 8 x 8"),
        (0.5, (1, 1, 1), "mean = (0.5): must be 3 numbers, one for each channel of images 3 x 8 x 8"),
        ((0, 0, 0), (1, 1), "std = (1, 1): must be 3 numbers, one for each channel of images 3 x 8 x 8"),
        ((0, 0, float("nan")), (1, 1, 1), "mean = (0, 0, nan): must be finite"),
        ((0, 0, 0), (0.2, 0, 0.2), "std = (0.2, 0, 0.2): must be finite, and greater than 0"),
        ((0, 0, 0), (0.2, float("inf"), 0.2), "std = (0.2, inf, 0.2): must be finite, and greater than 0"),
        (
            (125.3, 123, 113.9),
            (1, 1, 1),
            "mean = (125.3, 123, 113.9): must be of pixels in [0, 1]; divide by 255 what is of pixels in 0 ... 255",
        ),
        (
            (0, 0, 0),
            (63, 62.1, 66.7),
            "std = (63, 62.1, 66.7): must be of pixels in [0, 1]; divide by 255 what is of pixels in 0 ... 255",
        ),
    ],
)
def test_a_normalisation_that_cannot_be_is_refused(mean: Any, std: tuple[float, ...], message: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        wrap(nn.Sequential(FLAT, nn.Linear(192, 10)), shape=COLOUR, classes=10, mean=mean, std=std)
    assert str(caught.value) == message


MINE = """
import json
from torch import nn
def network(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], 5), nn.Tanh(), nn.Linear(5, classes))
def small(classes): return network((1, 8, 8), classes)
def wide(shape, classes, width): return network(shape, classes)
def words(shape, classes): return "resnet"
def wrong(shape, classes):
    return "resnet" + classes
def read(text):
    return json.loads(text)
def deep(shape, classes):
    return read("{")
ready = nn.Flatten()
settings = {}
"""
BROKEN = {
    "mine_syntax": "def network(:",
    "mine_name": "import torch\nnetwork = nn.Linear\n",
    "mine_import": "\n\nimport nowhere_at_all\n",
}


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder with the user's own module `mine_networks`, and some that cannot be imported."""
    for name, text in {"mine_networks": MINE, **BROKEN}.items():
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *(p for p in sys.path if p)])
    importlib.invalidate_caches()


@pytest.mark.usefixtures("mine")
def test_a_factory_of_the_user_is_built_from_the_working_folder() -> None:
    model = build("mine_networks:network", shape=DIGIT, classes=3, seed=4)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        expected = importlib.import_module("mine_networks").network(shape=DIGIT, classes=3)
    torch.testing.assert_close(model(images(DIGIT)), expected(images(DIGIT)))


AS_CALLED = "; it is called as {}(shape=(C, H, W), classes=K)"
AS_WRITTEN = "; write it as module:function, importable from here"


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("arch", "message"),
    [
        ("nowhere:f", f"No module named 'nowhere'{AS_WRITTEN}"),
        (":f", f"Empty module name{AS_WRITTEN}"),
        (".up:f", AS_WRITTEN),
        ("mine_networks:f", f"module 'mine_networks' has no attribute 'f'{AS_WRITTEN}"),
        ("mine_syntax:f", "importing mine_syntax raised SyntaxError: invalid syntax (mine_syntax.py, line 1)"),
        (
            "mine_name:f",
            "importing mine_name raised NameError: name 'nn' is not defined (mine_name.py, line 2)",
        ),
        (
            "mine_import:f",
            "importing mine_import raised ModuleNotFoundError: No module named 'nowhere_at_all' (mine_import.py, line "
            "3)",
        ),
        ("mine_networks:small", f"got an unexpected keyword argument 'shape'{AS_CALLED.format('small')}"),
        ("mine_networks:wide", f"missing a required argument: 'width'{AS_CALLED.format('wide')}"),
        (
            "mine_networks:ready",
            f"is a network, not a function that returns a network{AS_CALLED.format('ready')}",
        ),
        ("mine_networks:settings", f"is a dict, not a function that returns a network{AS_CALLED.format('settings')}"),
        ("mine_networks:words", "returned a str, not a torch.nn.Module"),
        (
            "mine_networks:wrong",
            'wrong raised TypeError: can only concatenate str (not "int") to str (mine_networks.py, line 10)',
        ),
        (
            "mine_networks:deep",
            "deep raised JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1) "
            "(mine_networks.py, line 12)",
        ),
    ],
)
def test_a_factory_that_is_none_is_refused(arch: str, message: str) -> None:
    """An error inside it is told as its traceback ends, with the line; the call is blamed where it cannot be called."""
    with pytest.raises(FeatsplitError) as caught:
        build(arch, shape=DIGIT, classes=10)
    assert str(caught.value).startswith(f'model.arch = "{arch}": ')
    assert message in str(caught.value)
    assert (AS_CALLED.partition("{")[0] in str(caught.value)) == (AS_CALLED.partition("{")[0] in message)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ or "not a" in message


@pytest.mark.usefixtures("mine")
def test_a_wrapped_network_comes_back_with_its_normalisation(tmp_path: Path) -> None:
    arch, path = "mine_networks:network", tmp_path / "own.safetensors"
    network = importlib.import_module("mine_networks").network(COLOUR, 10)
    model = wrap(network, shape=COLOUR, classes=10, mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.0005))
    save_model(model, path, spec=ModelSpec(arch), extra={})
    again = load_model(path, factory=arch)
    assert torch.equal(again(images(COLOUR)), model.eval()(images(COLOUR)))
    assert torch.equal(again.mean, torch.tensor([0.5, 0.4, 0.3]))
