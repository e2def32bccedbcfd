"""The residual networks for images of ImageNet's size, from torchvision (arXiv:1512.03385), with fresh weights.

The paper's network on Restricted ImageNet is the ResNet-50 here: a 7x7 stem with stride 2 and max pooling, where that
for 32 x 32 images (`paper`) has neither.
"""

import importlib

from torch import nn

from featsplit.errors import FeatsplitError


def imagenet_network(name: str, *, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """One of IMAGENET_ARCHITECTURES (see `records`) for colour images of any size; FeatsplitError for grey ones."""
    if shape[0] != 3:
        size = " x ".join(map(str, shape))
        raise FeatsplitError(
            f'model.arch = "{name}": takes colour images, 3 x 224 x 224 or so, these are {size}; use resnet8'
        )
    factory = getattr(importlib.import_module("torchvision.models"), name.removesuffix("-imagenet"))
    network: nn.Module = factory(weights=None, num_classes=classes)
    return network
