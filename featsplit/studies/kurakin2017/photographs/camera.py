r"""A simulated print and photograph of an image: geometry, blur, tone, noise and JPEG, drawn by (seed, image).

    x -> JPEG_85( 255 ( gain blur(affine(x)) )^gamma + noise )

The same draw for an image's clean and adversarial version, as both are on one photograph in the paper. No camera was
asked: the ranges are a guess at one that is held with care.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from featsplit.data.images import as_inputs
from featsplit.randomness import generators, normal
from featsplit.studies.kurakin2017.transformations.images import blurred, jpeg, rounded

ROTATION, SCALE, SHIFT = 3.0, 0.03, 0.03
"""The most that a photograph is turned, in degrees; scaled; and shifted, as a share of its side."""
BLUR, NOISE, QUALITY = 0.5, 0.02, 85
GAMMA, GAIN = 0.2, 0.1
"""How far both are from 1 at most."""


class Shot(NamedTuple):
    """How each photograph is taken, (N,) float32: degrees, factor, shares of the side, exponent, factor."""

    rotation: Tensor
    scale: Tensor
    across: Tensor
    down: Tensor
    gamma: Tensor
    gain: Tensor


def shots(seed: int, indices: Tensor) -> Shot:
    """How the photographs of the images at `indices` (N,) are taken."""
    rows = [generator.uniform(-1, 1, 6) for generator in generators(seed, "photograph", indices)]
    drawn = torch.from_numpy(np.array(rows, dtype=np.float32).reshape(-1, 6))
    rotation, scale, across, down, gamma, gain = drawn.unbind(dim=1)
    return Shot(
        ROTATION * rotation, 1 + SCALE * scale, SHIFT * across, SHIFT * down, 1 + GAMMA * gamma, 1 + GAIN * gain
    )


def photographed(images: Tensor, *, seed: int, indices: Tensor) -> Tensor:
    """Simulated photographs (N, C, H, W) of images of 8 bits, those at `indices` (N,) of a set; of 8 bits."""
    shot = shots(seed, indices)
    taken = blurred(warped(as_inputs(images), shot), BLUR).clamp(0, 1)
    gain, gamma = (values[:, None, None, None] for values in (shot.gain, shot.gamma))
    exposed = (gain * taken).clamp(0, 1) ** gamma
    grain = NOISE * normal(seed, "photograph/noise", indices, images.shape[1:])
    return jpeg(rounded(255 * (exposed + grain)), QUALITY)


def warped(inputs: Tensor, shot: Shot) -> Tensor:
    """Inputs (N, C, H, W), turned about their middle, scaled and shifted; bilinear, edges repeated.

    The image turns clockwise by `rotation` degrees, grows by `scale`, and moves by `across` to the right and `down`.
    """
    angle = shot.rotation * (math.pi / 180)
    cosine, sine = torch.cos(angle) / shot.scale, torch.sin(angle) / shot.scale
    # where each pixel of the photograph comes from: the inverse map, in units of half a side
    across, down = 2 * shot.across, 2 * shot.down
    first = torch.stack([cosine, sine, -(cosine * across + sine * down)], dim=1)
    second = torch.stack([-sine, cosine, -(-sine * across + cosine * down)], dim=1)
    grid = F.affine_grid(torch.stack([first, second], dim=1), list(inputs.shape), align_corners=False)
    return F.grid_sample(inputs, grid, mode="bilinear", padding_mode="border", align_corners=False)
