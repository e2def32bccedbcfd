"""Networks as they are after some training, and what they give as they are."""

import copy
from functools import cache

import torch
from torch import Tensor, nn

from featsplit.models import Classifier, build
from featsplit.models.build import SMALL_ARCHITECTURES
from featsplit.records.models import IMAGENET_ARCHITECTURES
from featsplit.runtime import (
    Frozen,
    Machine,
    frozen,
)

DIGIT = (1, 8, 8)


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def lived(arch: str, *, shape: tuple[int, int, int] | None = None) -> Classifier:
    """A network whose BatchNorm layers have weights, and the statistics of four images, as after training."""
    return copy.deepcopy(_lived(arch, shape or shape_for(arch)))


def shape_for(arch: str) -> tuple[int, int, int]:
    """Images that suit it: at 32 x 32 the last stage of an ImageNet network has one pixel, and statistics of four."""
    if arch in SMALL_ARCHITECTURES:
        return DIGIT
    return (3, 96, 96) if arch in IMAGENET_ARCHITECTURES else (3, 32, 32)


@cache
def _lived(arch: str, shape: tuple[int, int, int]) -> Classifier:
    model = build(arch, shape=shape, classes=10, seed=1)
    model.normalise_by(rand(20, *shape))
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        for layer in norms:
            layer.weight.copy_(0.5 + rand(layer.num_features, seed=2))
            layer.bias.copy_(rand(layer.num_features, seed=3) - 0.5)
            layer.momentum = 1.0
        model.train()(rand(4, *shape, seed=4))
    for layer in norms:
        layer.momentum = 0.1
    return model


def plain(model: Classifier, inputs: Tensor) -> Tensor:
    """The logits of `model` in eval mode."""
    with torch.no_grad():
        logits: Tensor = model.eval()(inputs)
    model.train()
    return logits


@cache
def newborn(arch: str) -> Frozen:
    """A frozen network as it is built, whose rough computes in bfloat16."""
    return frozen(build(arch, shape=shape_for(arch), classes=10, seed=2), Machine(precision="bfloat16"))


def aged(model: Classifier) -> Classifier:
    """The network after its BatchNorm layers have seen images, and learned."""
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            with torch.no_grad():
                layer.weight.copy_(0.5 + rand(layer.num_features, seed=2))
                layer.bias.copy_(rand(layer.num_features, seed=3))
    model.train()
    for seed in range(5):
        model(5 * rand(8, *model.shape, seed=seed) - 1)
    return model
