"""The paper's five architectures, from the authors' `robustness` package (arXiv:1905.02175, appendix C).

All contact with that package is here: its CIFAR architectures. They take 3 x 32 x 32 images; grey ones are repeated
over the three channels.
"""

import importlib
import warnings

from torch import Tensor, nn

from featsplit.errors import FeatsplitError

_NAMES = {
    "resnet18": "resnet18",
    "resnet50": "resnet50",
    "vgg16": "vgg16",
    "densenet": "densenet121",
    "inception-v3": "InceptionV3",  # its factory inceptionv3() ignores num_classes
}


def paper_network(name: str, *, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """One of PAPER_ARCHITECTURES (see `records`) for 32 x 32 images; raises FeatsplitError for other sizes."""
    if shape[1:] != (32, 32) or shape[0] not in (1, 3):
        size = " x ".join(map(str, shape))
        raise FeatsplitError(
            f'model.arch = "{name}": takes 3 x 32 x 32 images, these are {size}; use --resize 32, or resnet8'
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escape sequences in its docstrings
        factory = getattr(importlib.import_module("robustness.cifar_models"), _NAMES[name])
    network: nn.Module = factory(num_classes=classes)
    return network if shape[0] == 3 else nn.Sequential(_Repeat(), network)


class _Repeat(nn.Module):
    """Grey images as colour ones of three equal channels."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.expand(-1, 3, -1, -1)
