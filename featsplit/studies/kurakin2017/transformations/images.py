"""The five transformations of images of 8 bits, each of a strength; what comes out is clamped and has 8 bits again."""

import io
import math

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from featsplit.data.images import as_inputs
from featsplit.randomness import normal

RANGES: dict[str, tuple[float, ...]] = {
    "brightness": (-40, -20, 20, 40),
    "contrast": (0.6, 0.8, 1.2, 1.4),
    "blur": (0.5, 1, 1.5, 2),
    "noise": (2, 8, 16, 30),
    "jpeg": (100, 90, 70, 50, 30, 10),
}
"""Added to each of 255; a factor about 128; sigma in pixels; sigma in 255ths; the quality. The weakest come first but
for brightness and contrast, which go down and up."""
IDENTITY = "identity"
TRUNCATED = 4.0
"""After how many sigma the kernel of a blur ends."""


def transformed(images: Tensor, name: str, strength: float, *, seed: int) -> Tensor:
    """Images (N, C, H, W) of 8 bits, transformed, of 8 bits again.

    - images: uint8.
    - name: one of `RANGES`, or "identity".
    - strength: brightness x + d; contrast g (x - 128) + 128; blur by a Gaussian of sigma d, edges repeated; noise of
      standard deviation d, of image i by (seed, i); JPEG of quality d, chroma halved (4:2:0) as Pillow's.
    """
    if name == "jpeg":
        return jpeg(images, round(strength))
    levels = images.float()
    if name == "brightness":
        levels = levels + strength
    elif name == "contrast":
        levels = (levels - 128) * strength + 128
    elif name == "blur":
        levels = blurred(levels, strength)
    elif name == "noise":
        levels = levels + strength * normal(seed, "transformation/noise", range(len(images)), images.shape[1:])
    else:
        assert name == IDENTITY
    return rounded(levels)


def rounded(levels: Tensor) -> Tensor:
    """Levels of 0 to 255, clamped and rounded to 8 bits."""
    return levels.clamp(0, 255).round().to(torch.uint8)


def blurred(levels: Tensor, sigma: float) -> Tensor:
    """Images (N, C, H, W), convolved with a Gaussian of `sigma` pixels that ends after 4 sigma; edges are repeated."""
    reach = math.floor(TRUNCATED * sigma + 0.5)
    places = torch.arange(-reach, reach + 1, dtype=levels.dtype)
    kernel = torch.exp(-0.5 * (places / sigma) ** 2)
    kernel, channels = kernel / kernel.sum(), levels.shape[1]
    padded = F.pad(levels, (reach,) * 4, mode="replicate")
    down = F.conv2d(padded, kernel.reshape(1, 1, -1, 1).repeat(channels, 1, 1, 1), groups=channels)
    return F.conv2d(down, kernel.reshape(1, 1, 1, -1).repeat(channels, 1, 1, 1), groups=channels)


def jpeg(images: Tensor, quality: int) -> Tensor:
    """Images (N, C, H, W) of 8 bits, each written as a JPEG of that quality and read again."""
    return torch.stack([_from_pillow(_through_jpeg(as_pillow(image), quality)) for image in images])


def _through_jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    subsampling = {"subsampling": "4:2:0"} if image.mode == "RGB" else {}
    image.save(file, "JPEG", quality=quality, **subsampling)
    return Image.open(file)


def png(images: Tensor) -> Tensor:
    """Images (N, C, H, W) of 8 bits, each written as a PNG and read again: the same."""
    found = []
    for image in images:
        file = io.BytesIO()
        as_pillow(image).save(file, "PNG")
        found.append(_from_pillow(Image.open(file)))
    return torch.stack(found)


def as_pillow(image: Tensor) -> Image.Image:
    """An image (C, H, W) of 8 bits, or of inputs in [0, 1], with one channel or three."""
    levels = image if image.dtype == torch.uint8 else rounded(as_inputs(image) * 255)
    array = levels.permute(1, 2, 0).numpy()
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)


def _from_pillow(image: Image.Image) -> Tensor:
    array = np.array(image)
    return torch.from_numpy(array[None] if array.ndim == 2 else array.transpose(2, 0, 1).copy())
