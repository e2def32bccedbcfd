"""The adversary attacks the network as it is, whatever it is made of: networks of timm and torchvision in training."""

import copy
import importlib
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn

from featsplit.attacks import pgd
from featsplit.models import Classifier, wrap
from featsplit.models.classifier import in_mode
from featsplit.runtime import Frozen, Machine, frozen
from featsplit.training import Adversary, Recipe, Trainer

timm: Any = pytest.importorskip("timm")

SIZE, CLASSES = 48, 6
RECIPE = Recipe(lr=0.01, adversary=Adversary("pgd", "l2", eps=0.5, steps=2))


def rand(n: int, seed: int) -> Tensor:
    return torch.rand((n, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(seed))


class Textbook(nn.Module):
    """BatchNorm as textbooks write it, whose eval mode has arithmetic on buffers alone; 1 / scale is its weight."""

    mean: Tensor
    var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(channels, 1, 1))
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("var", torch.ones(channels, 1, 1), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        if self.training:
            with torch.no_grad():
                self.mean.lerp_(inputs.mean((0, 2, 3))[:, None, None], 0.1)
                self.var.lerp_(inputs.var((0, 2, 3))[:, None, None], 0.1)
        return (inputs - self.mean) * self.scale.exp() / torch.sqrt(self.var + 1e-5)


class Numbers(Textbook):
    """Divides by a number that it keeps of its statistics."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.number = 1.0

    def forward(self, inputs: Tensor) -> Tensor:
        if self.training:
            self.number = 1 + inputs.std().item()
        return super().forward(inputs) / self.number


class Late(Textbook):
    """Changes its mind after five batches."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.batches = 0

    def forward(self, inputs: Tensor) -> Tensor:
        self.batches += self.training
        outputs = super().forward(inputs)
        return outputs.tanh() if self.batches > 5 else outputs


class Keeping(nn.Identity):
    """Keeps what it saw last, with its gradient."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.last = torch.zeros(channels)

    def forward(self, inputs: Tensor) -> Tensor:
        self.last = inputs
        return inputs


class Noisy(nn.Dropout):
    """Drops out in eval mode too."""

    def forward(self, inputs: Tensor) -> Tensor:
        return nn.functional.dropout(inputs, training=True)


class Growing(Textbook):
    """Keeps what it saw last as a buffer, of any size."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.register_buffer("seen", torch.zeros(1, channels, 1, 1))

    def forward(self, inputs: Tensor) -> Tensor:
        if self.training:
            self.seen = inputs.detach()[:, :, :1, :1]
        return super().forward(inputs) + self.seen.mean(0)


def small(norm: Callable[[int], nn.Module]) -> nn.Module:
    """Two convolutions, each with a `norm`."""
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 3, stride=2), norm(16), nn.ReLU(), nn.Conv2d(16, 16, 3), norm(16), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, CLASSES)),
    )


def of_timm(name: str, **sizes: Any) -> nn.Module:
    network: nn.Module = timm.create_model(name, num_classes=CLASSES, **sizes)
    return network


def of_torchvision(name: str, **sizes: Any) -> nn.Module:
    network: nn.Module = getattr(importlib.import_module("torchvision.models"), name)(num_classes=CLASSES, **sizes)
    return network


SWIN = {"embed_dim": 16, "depths": [2, 2], "num_heads": [2, 4]}
VIT = {"image_size": SIZE, "patch_size": 8, "num_layers": 2, "num_heads": 2, "hidden_dim": 32, "mlp_dim": 64}
NETWORKS = {
    "textbook": partial(small, Textbook),
    "numbers": partial(small, Numbers),
    "growing": partial(small, Growing),
    "evonorm": lambda: small(timm.layers.EvoNorm2dB0),
    "timm-swin": partial(of_timm, "swin_tiny_patch4_window7_224", img_size=SIZE, patch_size=2, window_size=4, **SWIN),
    **{
        f"timm-{name}": partial(of_timm, f"test_{name}")
        for name in ("resnet", "byobnet", "efficientnet", "efficientnet_evos", "convnext", "nfnet", "mambaout")
    },
    **{f"timm-{name}": partial(of_timm, f"test_{name}", img_size=SIZE) for name in ("vit", "vit2", "vit_relpos")},
    "timm-ghostnet": partial(of_timm, "ghostnet_050"),
    "swin": partial(of_torchvision, "SwinTransformer", patch_size=[2, 2], window_size=[4, 4], **SWIN),
    "vit": partial(of_torchvision, "VisionTransformer", **VIT),
    "densenet": partial(of_torchvision, "DenseNet", growth_rate=8, block_config=(2, 2), num_init_features=16),
    "googlenet": partial(of_torchvision, "googlenet", init_weights=False),
    "mobilenet": partial(of_torchvision, "mobilenet_v3_small"),
    "shufflenet": partial(of_torchvision, "shufflenet_v2_x0_5"),
    "regnet": partial(of_torchvision, "regnet_x_400mf"),
}


def model_of(make: Callable[[], nn.Module]) -> Classifier:
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what other packages say of torch
        torch.manual_seed(0)
        return wrap(make(), shape=(3, SIZE, SIZE), classes=CLASSES, mean=(0.5,) * 3, std=(0.25,) * 3)


def trained(model: Classifier, *, steps: int) -> Frozen:
    """The adversary's copy of `model` after it was trained for some `steps`, and the copy was refreshed."""
    trainer = Trainer(model.train(), RECIPE, Machine(precision="float32"))
    for step in range(steps):
        trainer.step(rand(4, seed=step), torch.arange(4))
    assert trainer.network is not None
    trainer.network.refresh(model)
    return trainer.network


def answers(model: Classifier) -> tuple[Tensor, Tensor, Tensor]:
    """Representation, logits, and the gradient of a loss of the logits: of three images, in eval mode."""
    inputs = rand(3, seed=9).requires_grad_(True)
    with in_mode(model, training=False):
        representation, logits = model.representation(inputs), model(inputs)
        (slope,) = torch.autograd.grad(logits.square().sum(), inputs)
    return representation.detach(), logits.detach(), slope


def apart(one: Tensor, other: Tensor) -> float:
    """Their largest difference, in units of the largest number of the other."""
    return float((one - other).abs().max() / other.abs().max())


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_after_some_steps_of_training_the_adversarys_copy_is_the_network(make: Callable[[], nn.Module]) -> None:
    """Seen: 3e-6 or less where BatchNorm is folded, else 0. It moves by 2 % or more."""
    model = model_of(make)
    before = answers(model)
    network = trained(model, steps=3)
    after = answers(model)
    *found, slope = answers(network)
    assert all(apart(one, expected) < 1e-4 for one, expected in zip(found, after[:2], strict=True))
    assert float((slope - after[2]).norm() / after[2].norm()) < 0.05, "rounding may turn a pixel of a max pool"
    assert apart(before[0], after[0]) > 0.005
    assert apart(answers(frozen(model))[1], after[1]) < 1e-4


@pytest.mark.parametrize("norm", [Textbook, Numbers, timm.layers.EvoNorm2dB0])
def test_the_adversary_finds_what_pgd_on_the_network_itself_finds(norm: Callable[[int], nn.Module]) -> None:
    model, inputs, labels = model_of(partial(small, norm)), rand(4, seed=8), torch.arange(4)
    trainer = Trainer(model.train(), RECIPE, Machine(precision="float32"))
    for step in range(4):
        trainer.step(rand(4, seed=step), labels)
    found = trainer.attacked(inputs, labels)
    steps, step_size = RECIPE.adversary.plan() if RECIPE.adversary else (0, 0.0)
    plain = copy.deepcopy(model).eval().requires_grad_(False)
    expected = pgd(plain, inputs, labels, norm="l2", eps=0.5, steps=steps, step_size=step_size, keep="last")
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_a_difference_that_shows_late_is_found_before_training_is_twice_as_long() -> None:
    """A branch after five batches: the trace goes the old way after 6 and 7, and is given up after 8."""
    model = model_of(partial(small, Late))
    assert apart(answers(trained(model, steps=8))[1], answers(model)[1]) < 1e-4
    assert model.training


def test_a_network_that_has_moved_before_the_first_refresh_is_compared_at_it() -> None:
    """As in training that is taken up again."""
    model = model_of(partial(small, Numbers))
    network = frozen(model)
    trained(model, steps=3)
    network.refresh(model)
    assert apart(answers(network)[1], answers(model)[1]) < 1e-4


@pytest.mark.parametrize("dropout", [nn.Dropout, Noisy])
def test_comparing_leaves_the_model_and_the_state_of_randomness_alone(dropout: type[nn.Dropout]) -> None:
    model = model_of(lambda: nn.Sequential(dropout(0.5), *small(nn.BatchNorm2d).children()))
    network = trained(model, steps=1)
    model.train().body.get_submodule("2").eval()
    modes = [layer.training for layer in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    for _ in range(4):
        network.refresh(model)
    assert torch.equal(torch.rand(3), expected)
    assert [layer.training for layer in model.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not any(layer.training for layer in network.modules())


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, Textbook, timm.layers.EvoNorm2dB0])
def test_a_trace_that_is_right_is_never_given_up(norm: Callable[[int], nn.Module]) -> None:
    network = trained(model_of(partial(small, norm)), steps=3)
    assert isinstance(network.body, fx.GraphModule)
    assert len(network.folds) == (2 if norm is nn.BatchNorm2d else 0)
    assert not network.anew


@pytest.mark.parametrize("norm", [Numbers, Growing])
def test_a_trace_that_is_given_up_makes_way_for_a_copy_of_the_network(norm: Callable[[int], nn.Module]) -> None:
    network = trained(model_of(partial(small, norm)), steps=3)
    assert network.anew
    assert type(network.body.get_submodule("1")) is norm
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not any(layer.training for layer in network.modules())


def test_a_convolution_with_a_hook_is_not_folded() -> None:
    """The hook of `spectral_norm` writes its weight at each call, over what was folded into it."""

    def network() -> nn.Module:
        layers = small(nn.BatchNorm2d)
        nn.utils.spectral_norm(layers.get_submodule("0"))
        return layers

    model = model_of(network)
    copied = trained(model, steps=3)
    assert list(copied.folds.values()) == ["4"]
    assert not copied.anew
    assert apart(answers(copied)[1], answers(model)[1]) < 1e-4


def test_a_layer_that_keeps_its_last_output_can_be_frozen_in_training() -> None:
    """That output has a gradient after a step, and could not be copied."""
    model, inputs = model_of(partial(small, Keeping)), rand(3, seed=9)
    Trainer(model.train(), RECIPE, Machine(precision="float32")).step(rand(4, seed=0), torch.arange(4))
    model(rand(2, seed=1))
    found = frozen(model)(inputs)
    torch.testing.assert_close(found, model.eval()(inputs))
