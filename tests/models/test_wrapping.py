"""Own networks: which layer is the head, the normalisation, what is refused, and errors in the user's code."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from featsplit.data.images import ImageData
from featsplit.errors import FeatsplitError
from featsplit.models import Classifier, wrap
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
        return {"scores": logits} if self.way == "words" else Losses(logits, self.auxiliary(hidden))


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
    ("mean", "std", "said"),
    [(None, None, "mean = 0 and std = 1"), ((0.5,), None, "std = 1"), (None, (0.5,), "mean = 0")],
    ids=["none", "mean", "std"],
)
def test_no_normalisation_is_never_taken_without_a_word(
    mean: tuple[float] | None, std: tuple[float] | None, said: str
) -> None:
    network = nn.Sequential(FLAT, nn.Linear(64, 10))
    with pytest.warns(UserWarning, match=said) as caught:
        model = wrap(network, shape=DIGIT, classes=10, mean=mean, std=std)
    assert [str(warning.message) for warning in caught] == [
        f"model: taken with {said}, since nothing was told; a network that was trained on normalised images predicts "
        "badly so: wrap(..., mean=(...), std=(...)), one number for each channel, of pixels in [0, 1]; zeros and ones "
        "say that there was none"
    ]
    assert caught[0].filename == __file__
    assert (model.mean.item(), model.std.item()) == ((mean or (0.0,))[0], (std or (1.0,))[0])


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
