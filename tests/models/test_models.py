"""Every network through one wrapper: its own logits, the representation before its last layer, and what is refused."""

import importlib
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import resnet18, resnet50

from featsplit.errors import FeatsplitError
from featsplit.models import ModelSpec, build
from featsplit.models import small as small_networks
from featsplit.models.build import SMALL_ARCHITECTURES

DIGIT = (1, 8, 8)
small = pytest.mark.parametrize("arch", SMALL_ARCHITECTURES)
shapes = pytest.mark.parametrize("shape", [DIGIT, (3, 15, 20)])


def images(shape: tuple[int, int, int], n: int = 3) -> Tensor:
    return torch.rand((n, *shape), generator=torch.Generator().manual_seed(0))


def seeded(factory: Any, seed: int, **arguments: Any) -> nn.Module:
    """What `factory` makes of these weights, in eval mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: nn.Module = factory(**arguments).eval()
    return network


@pytest.mark.parametrize(("arch", "layers"), [("vgg7", 7), ("resnet8", 8), ("densenet10", 10), ("resnet14", 14)])
@pytest.mark.parametrize("shape", [DIGIT, (1, 28, 28), (3, 17, 9), (3, 32, 32)])
def test_a_number_in_a_name_is_that_of_the_layers(arch: str, layers: int, shape: tuple[int, int, int]) -> None:
    """Those on the way of every image: all with weights but the shortcuts."""
    model = build(arch, shape=shape, classes=5).eval()
    weighty = [name for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len([name for name in weighty if "shortcut" not in name]) == layers
    with torch.no_grad():
        logits = model(images(shape))
    assert logits.shape == (3, 5)
    assert not torch.equal(logits[0], logits[1]), "it tells images apart"


@pytest.mark.parametrize(
    ("shape", "width", "flat", "hidden"), [((1, 28, 28), 32, 4 * 4 * 64, 200), ((3, 32, 32), 64, 5 * 5 * 128, 256)]
)
def test_cw_is_table_1_of_carlini_and_wagner(shape: tuple[int, int, int], width: int, flat: int, hidden: int) -> None:
    """The layers of MNIST and of CIFAR-10, by the weights that each has."""
    model = build(ModelSpec("cw", width), shape=shape, classes=10)
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    kernels = [(width, shape[0], 3, 3), (width, width, 3, 3), (2 * width, width, 3, 3), (2 * width, 2 * width, 3, 3)]
    expected = [*kernels, (hidden, flat), (hidden, hidden), (10, hidden)]
    assert [tuple(layer.weight.shape) for layer in layers] == expected
    assert [layer.p for layer in model.modules() if isinstance(layer, nn.Dropout)] == [0.5]


def test_cw_of_small_images_pads_and_has_something_left() -> None:
    for side in (8, 14, 27):
        logits = build(ModelSpec("cw", 16), shape=(1, side, side), classes=3)(images((1, side, side)))
        assert not torch.equal(logits[0], logits[1])


def test_the_blocks_of_a_residual_network_draw_their_weights_before_the_stem() -> None:
    """As they always did: with weights drawn in another order no run could be repeated."""
    network = seeded(small_networks.resnet8, 5, shape=(3, 8, 8), classes=4, width=6, stages=3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        blocks = [nn.Conv2d(6, 6, 3, bias=False) for _ in range(2)]
        for inner, outer in ((6, 12), (12, 24)):
            blocks += [nn.Conv2d(inner, outer, 3, bias=False), nn.Conv2d(outer, outer, 3, bias=False)]
            blocks += [nn.Conv2d(inner, outer, 1, bias=False)]
        stem, head = nn.Conv2d(3, 6, 3, bias=False), nn.Linear(24, 4)
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    expected = [stem, *blocks, head]
    assert len(layers) == len(expected)
    for found, drawn in zip(layers, expected, strict=True):
        assert torch.equal(found.weight.detach(), drawn.get_parameter("weight").detach())


@pytest.mark.parametrize(("blocks", "strides"), [(1, [1, 1, 2, 2]), (2, [1, 1, 1, 2, 1, 2, 1])])
def test_a_stage_but_the_first_halves_the_image_once(blocks: int, strides: list[int]) -> None:
    network = build(("resnet8", "resnet14")[blocks - 1], shape=(1, 16, 16), classes=3)
    convolutions = [
        layer for layer in network.modules() if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3)
    ]
    assert [layer.stride[0] for layer in (convolutions[0], *convolutions[1::2])] == strides
    assert network.head.in_features == 64


def test_each_dense_layer_sees_all_before_it() -> None:
    convolutions = [
        layer for layer in build("densenet10", shape=(1, 8, 8), classes=3).modules() if isinstance(layer, nn.Conv2d)
    ]
    assert [layer.in_channels for layer in convolutions] == [1, 16, 32, 48, 32, 48, 64, 32, 48]
    assert [layer.out_channels for layer in convolutions] == [16, 16, 16, 32, 16, 16, 32, 16, 16]


@small
@shapes
def test_a_small_network_keeps_its_logits_and_gives_what_its_last_layer_reads(
    arch: str, shape: tuple[int, int, int]
) -> None:
    network, read = seeded(getattr(small_networks, arch), 5, shape=shape, classes=4), list[Tensor]()
    last = [layer for layer in network.modules() if isinstance(layer, nn.Linear)][-1]
    last.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    expected = network(images(shape))
    model = build(arch, shape=shape, classes=4, seed=5).eval()
    torch.testing.assert_close(model(images(shape)), expected)
    torch.testing.assert_close(model.representation(images(shape)), read[0])
    torch.testing.assert_close(model.head(model.representation(images(shape))), model.logits(images(shape)))


@pytest.mark.parametrize(
    ("arch", "theirs"),
    [
        ("resnet18", "ResNet18"),
        ("resnet50", "ResNet50"),
        ("vgg16", "VGG16"),
        ("densenet", "densenet121"),
        ("inception-v3", "InceptionV3"),
    ],
)
def test_a_paper_network_is_that_of_the_robustness_package(arch: str, theirs: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escape sequences in its docstrings
        factory = getattr(importlib.import_module("robustness.cifar_models"), theirs)
    inputs, model = images((3, 32, 32), 1), build(arch, shape=(3, 32, 32), classes=7, seed=2).eval()
    with torch.no_grad():
        logits, latent = seeded(factory, 2, num_classes=7)(inputs, with_latent=True)
        torch.testing.assert_close(model(inputs), logits)
        torch.testing.assert_close(model.representation(inputs), latent.flatten(1))


@pytest.mark.parametrize(("arch", "theirs", "width"), [("resnet18", resnet18, 512), ("resnet50", resnet50, 2048)])
def test_an_imagenet_network_is_that_of_torchvision(arch: str, theirs: Any, width: int) -> None:
    inputs, read = images((3, 64, 80), 1), list[Tensor]()
    network = seeded(theirs, 2, weights=None, num_classes=9)
    network.get_submodule("fc").register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    model = build(f"{arch}-imagenet", shape=(3, 64, 80), classes=9, seed=2).eval()
    with torch.no_grad():
        torch.testing.assert_close(model(inputs), network(inputs))
        torch.testing.assert_close(model.representation(inputs), read[0])
    assert model.head.in_features == width


def test_an_imagenet_network_takes_colour_images_alone() -> None:
    with pytest.raises(FeatsplitError) as error:
        build("resnet50-imagenet", shape=(1, 28, 28), classes=10)
    expected = 'model.arch = "resnet50-imagenet": takes colour images, 3 x 224 x 224 or so, these are 1 x 28 x 28; '
    assert str(error.value) == expected + "use resnet8"


def test_a_paper_network_reads_grey_as_three_equal_channels() -> None:
    grey, colour = (build("resnet18", shape=(c, 32, 32), classes=10).eval() for c in (1, 3))
    inputs = images((1, 32, 32), 2)
    torch.testing.assert_close(grey(inputs), colour(inputs.repeat(1, 3, 1, 1)))


@small
def test_the_seed_decides_the_weights_and_nothing_else_feels_it(arch: str) -> None:
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    first, again, other = (build(arch, shape=DIGIT, classes=10, seed=s).head.weight for s in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected), "the global state of randomness is left alone"
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("spec", "width"),
    [
        (ModelSpec("mlp"), 256),
        (ModelSpec("mlp", width=7), 7),
        (ModelSpec("cnn"), 64),
        (ModelSpec("cnn", width=4), 16),
        (ModelSpec("resnet8"), 64),
        (ModelSpec("resnet8", width=4, stages=2), 8),
    ],
)
def test_width_and_stages_reach_the_network(spec: ModelSpec, width: int) -> None:
    assert build(spec, shape=DIGIT, classes=10).head.in_features == width


@small
def test_normalisation_is_inside(arch: str) -> None:
    model, inputs = build(arch, shape=(3, 15, 20), classes=4).eval(), images((3, 15, 20), 5)
    inputs[:, 1] = 0.25
    plain = model(inputs)
    model.normalise_by(inputs)
    channels = inputs.numpy().transpose(1, 0, 2, 3).reshape(3, -1)
    std = np.maximum(channels.std(axis=1, ddof=1), 1e-3)
    normalised = (inputs.numpy() - channels.mean(axis=1)[:, None, None]) / std[:, None, None]
    torch.testing.assert_close(
        model(inputs), model.head(model.body(torch.from_numpy(normalised))), rtol=1e-3, atol=1e-4
    )
    assert not torch.allclose(model(inputs), plain, atol=1e-3)


@pytest.mark.parametrize(
    ("spec", "shape", "message"),
    [
        (ModelSpec("resnet80"), DIGIT, 'model.arch = "resnet80": must be one of linear, mlp, maxout, cnn, flatcnn, '
         'vgg7, cw, densenet10, resnet8, resnet14, resnet18, resnet50, vgg16, densenet, inception-v3, '
         'resnet18-imagenet, resnet50-imagenet, timm:NAME, torchvision:NAME, module:function; did you mean "resnet8"?'),
        (ModelSpec("linear", width=3), DIGIT, 'model.width = 3: "linear" has none; only mlp, maxout, cnn, flatcnn, '
         "vgg7, cw, resnet8, resnet14"),
        (ModelSpec("densenet10", width=3), DIGIT, 'model.width = 3: "densenet10" has none; only mlp, maxout, cnn, '
         "flatcnn, vgg7, cw, resnet8, resnet14"),
        (ModelSpec("cnn", stages=3), DIGIT, 'model.stages = 3: "cnn" has none; only resnet8, resnet14'),
        (ModelSpec("cnn", width=0), DIGIT, "model.width = 0: must be at least 1"),
        (ModelSpec("vgg16"), (3, 28, 28), 'model.arch = "vgg16": takes 3 x 32 x 32 images, these are 3 x 28 x 28; '
         "use --resize 32, or resnet8"),
        (ModelSpec("vgg16"), (2, 32, 32), 'model.arch = "vgg16": takes 3 x 32 x 32 images, these are 2 x 32 x 32; '
         "use --resize 32, or resnet8"),
    ],
)  # fmt: skip
def test_an_architecture_that_cannot_be_is_refused(spec: ModelSpec, shape: tuple[int, int, int], message: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        build(spec, shape=shape, classes=10)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("shape", "classes", "message"),
    [
        ((3, 32, 32), 10, "cifar: images are 3 x 32 x 32, the model takes 1 x 8 x 8; see --resize"),
        (DIGIT, 9, "cifar: has 9 classes, the model 10; use one trained on this data"),
    ],
)
def test_a_model_expects_its_own_shape_and_classes(shape: tuple[int, int, int], classes: int, message: str) -> None:
    model = build("linear", shape=DIGIT, classes=10)
    model.expect("digits", shape=DIGIT, classes=10)
    with pytest.raises(FeatsplitError) as caught:
        model.expect("cifar", shape=shape, classes=classes)
    assert str(caught.value) == message


def test_a_maxout_unit_is_the_largest_of_its_pieces_and_drops_nothing_in_use() -> None:
    """Both layers by numpy, from the weights."""
    model = build(ModelSpec("maxout", width=4), shape=DIGIT, classes=3).eval()
    inputs = images(DIGIT)
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    assert [layer.out_features for layer in layers] == [4 * small_networks.PIECES, 4 * small_networks.PIECES, 3]
    values = inputs.flatten(1).numpy()
    for layer in layers:
        values = values @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
        if layer is not layers[-1]:
            values = values.reshape(len(values), 4, small_networks.PIECES).max(axis=2)
    with torch.no_grad():
        found = model(inputs)
    np.testing.assert_allclose(found, values, rtol=1e-4, atol=1e-5)
