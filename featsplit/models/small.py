"""The small architectures, for any image size and number of channels, down to 8 x 8 grey digits on a CPU."""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PIECES = 5
"""Linear functions of a maxout unit."""


def linear(*, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Softmax regression; its representation is the image itself."""
    channels, height, width = shape
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, classes))


def mlp(*, shape: tuple[int, int, int], classes: int, width: int = 256) -> nn.Module:
    """Two hidden layers of `width` units."""
    channels, height, columns = shape
    layers = [
        nn.Flatten(),
        nn.Linear(channels * height * columns, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
    ]
    return nn.Sequential(*layers, nn.Linear(width, classes))


def maxout(*, shape: tuple[int, int, int], classes: int, width: int = 240) -> nn.Module:
    """Two hidden layers of `width` maxout units, each the largest of `PIECES` linear functions (arXiv:1302.4389).

    A fifth of the inputs is dropped in training; hidden units are not.
    """
    channels, height, columns = shape
    layers = nn.Flatten(), nn.Dropout(0.2), _Maxout(channels * height * columns, width), _Maxout(width, width)
    return nn.Sequential(*layers, nn.Linear(width, classes))


def cnn(*, shape: tuple[int, int, int], classes: int, width: int = 16) -> nn.Module:
    """Three convolutions of `width`, 2 `width` and 4 `width` channels, the last two with stride 2."""
    pooled = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, classes)
    return nn.Sequential(*_three_convolutions(shape[0], width), *pooled)


def flatcnn(*, shape: tuple[int, int, int], classes: int, width: int = 16) -> nn.Module:
    """The same without pooling: the last layer sees every place of the last convolution, and can learn by heart."""
    places = math.ceil(shape[1] / 4) * math.ceil(shape[2] / 4)
    flat = nn.Flatten(), nn.Linear(4 * width * places, classes)
    return nn.Sequential(*_three_convolutions(shape[0], width), *flat)


def _three_convolutions(channels: int, width: int) -> list[nn.Module]:
    sizes = [channels, width, 2 * width, 4 * width]
    return [
        layer
        for i, stride in enumerate((1, 2, 2))
        for layer in (*_convolution(sizes[i], sizes[i + 1], stride), nn.ReLU())
    ]


def vgg7(*, shape: tuple[int, int, int], classes: int, width: int = 16) -> nn.Module:
    """Three pairs of 3x3 convolutions, of `width`, 2 `width` and 4 `width` channels, each pair followed by max pooling.

    The plain deep network of Simonyan and Zisserman 2015 (arXiv:1409.1556), made small.
    """
    sizes = [shape[0], width, 2 * width, 4 * width]
    layers: list[nn.Module] = []
    for inner, outer in pairwise(sizes):
        layers += [*_convolution(inner, outer), nn.ReLU(), *_convolution(outer, outer), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(sizes[-1], classes))


def cw(*, shape: tuple[int, int, int], classes: int, width: int = 32) -> nn.Module:
    """The networks of Carlini and Wagner 2017 (arXiv:1608.04644, table I): `width` 32 for MNIST, 64 for CIFAR-10.

    Two 3x3 convolutions of `width` channels, two of 2 `width`, each pair followed by max pooling, and two layers of 200
    units (of 4 `width`, where that is more), the first with dropout, as in the authors' code. Convolutions do not pad,
    as there; of images below 28 x 28, of which nothing would be left, they do.
    """
    hidden, padding = max(200, 4 * width), int(min(shape[1:]) < 28)
    layers: list[nn.Module] = []
    for before, channels in ((shape[0], width), (width, 2 * width)):
        for into in (before, channels):
            layers += [nn.Conv2d(into, channels, 3, padding=padding), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
    places = math.prod(_left(side, padding) for side in shape[1:])
    layers += [nn.Flatten(), nn.Linear(2 * width * places, hidden), nn.ReLU(), nn.Dropout(0.5)]
    return nn.Sequential(*layers, nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, classes))


def _left(side: int, padding: int) -> int:
    """What two pairs of convolutions, each followed by max pooling, leave of a `side`."""
    for _ in range(2):
        side = (side + 4 * padding - 4) // 2
    return side


def densenet10(*, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Three blocks of two layers that each see all before them and add 16 channels (arXiv:1608.06993), made small.

    Convolution, normalisation and ReLU come in that order, and a 1x1 convolution to 32 channels joins the blocks.
    """
    stem = (*_convolution(shape[0], 16), nn.ReLU())
    first, second, third = ([_Dense(inner + 16 * layer) for layer in range(2)] for inner in (16, 32, 32))
    join = [(*_convolution(inner, 32, kernel=1), nn.ReLU(), nn.AvgPool2d(2)) for inner in (48, 64)]
    blocks = (*first, *join[0], *second, *join[1], *third)
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))


def resnet8(*, shape: tuple[int, int, int], classes: int, width: int = 16, stages: int = 3) -> nn.Module:
    """A residual network of one basic block a stage; channels double and the image halves at each stage but the first.

    With 3 stages and width 16 this is the CIFAR ResNet of He et al. 2015 (arXiv:1512.03385, section 4.2) with n = 1.
    """
    return _resnet(1, shape=shape, classes=classes, width=width, stages=stages)


def resnet14(*, shape: tuple[int, int, int], classes: int, width: int = 16, stages: int = 3) -> nn.Module:
    """The same with two blocks a stage, n = 2."""
    return _resnet(2, shape=shape, classes=classes, width=width, stages=stages)


def _resnet(blocks: int, *, shape: tuple[int, int, int], classes: int, width: int, stages: int) -> nn.Module:
    sizes = [width * 2**stage for stage in range(stages) for _ in range(blocks)]
    inner = [width, *sizes[:-1]]
    body = [
        Residual(before, size, stride=2 if place and place % blocks == 0 else 1)
        for place, (before, size) in enumerate(zip(inner, sizes, strict=True))
    ]
    stem = (*_convolution(shape[0], width), nn.ReLU())
    return nn.Sequential(*stem, *body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(sizes[-1], classes))


class _Maxout(nn.Module):
    """(N, inner) to (N, outer): of each unit the largest of its pieces."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.outer, self.pieces = outer, nn.Linear(inner, PIECES * outer)

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.pieces(inputs).reshape(-1, self.outer, PIECES)
        return found.amax(dim=2)


class _Dense(nn.Module):
    def __init__(self, inner: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_convolution(inner, 16), nn.ReLU())

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.cat([inputs, self.layers(inputs)], dim=1)


class Residual(nn.Module):
    """ReLU of `second`(`first`(x)) + `shortcut`(x)."""

    def __init__(self, inner: int, outer: int, *, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(*_convolution(inner, outer, stride), nn.ReLU())
        self.second = nn.Sequential(*_convolution(outer, outer))
        same = stride == 1 and inner == outer
        self.shortcut = nn.Identity() if same else nn.Sequential(*_convolution(inner, outer, stride, kernel=1))

    def forward(self, inputs: Tensor) -> Tensor:
        return F.relu(self.second(self.first(inputs)) + self.shortcut(inputs))


def _convolution(inner: int, outer: int, stride: int = 1, *, kernel: int = 3) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    return nn.Conv2d(inner, outer, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outer)
