"""What befalls an image on its way to someone else's network: a file of 8 bits, a resized one, another network."""

from importlib import import_module

import torch
from torch import Tensor

from featsplit.data.images import as_inputs
from featsplit.studies.kurakin2017.transformations.images import png, rounded

STAGES = ("float", "8-bit", "resized", "other network")
"""In float32 as it was found; as a PNG; enlarged, cropped and made small again; and shown to another network."""


def resized(images: Tensor) -> Tensor:
    """Images (N, C, H, W) of 8 bits, enlarged twofold, with a pixel cut off each side, and made as small as they were.

    Bilinear, with antialiasing on the way down; of 8 bits after each step.
    """
    height, width = images.shape[2:]
    resize = import_module("torchvision.transforms.v2.functional").resize
    large: Tensor = resize(as_inputs(images), [2 * height, 2 * width], antialias=True)
    large = as_inputs(rounded(255 * large))[:, :, 1:-1, 1:-1]
    return rounded(255 * torch.as_tensor(resize(large, [height, width], antialias=True)))


def stages(found: Tensor, stored: Tensor) -> dict[str, Tensor]:
    """The images at each of `STAGES`, each made of those before: `found` in float32, `stored` in 8 bits."""
    as_file = png(stored)
    small = resized(as_file)
    return dict(zip(STAGES, (found, as_file, small, small), strict=True))
