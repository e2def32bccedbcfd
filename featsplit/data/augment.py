"""Augmentation as batched tensor operations, on the device where the images are.

A random step draws a few numbers an image from a generator on the CPU and hands them to a deterministic function:
a window into the padded image (`crop`), a mirror (`flip`), blends x -> f x + (1 - f) ref (`jitter`), a sampling grid
(`rotate`). No image feels its batch, shapes stay, and pixels stay in [0, 1].
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from featsplit.records.training import AUGMENTATIONS as AUGMENTATIONS
from featsplit.records.training import check_augment as check_augment

Padding = Literal["constant", "reflect"]

GREY_WEIGHTS = (0.2989, 0.587, 0.114)  # ITU-R 601 luma, as Pillow and torchvision have it
JITTER = 0.25
ROTATION_DEGREES = 2.0


def augment(inputs: Tensor, names: Sequence[str], *, generator: torch.Generator) -> Tensor:
    """The images after the named steps, in that order: (N, C, H, W) in [0, 1], as `inputs`.

    `crop`, `reflect-crop`: random window after padding by H / 8 (4 pixels at 32) with zeros or by reflection; `flip`:
    mirrored left to right with probability 1/2; `shift`: moved by up to H / 14 pixels (2 at 28), zeros outside;
    `color-jitter`: brightness, contrast and saturation by factors in [0.75, 1.25], in random order; `rotation`: by up
    to 2 degrees, bilinear, zeros outside. `crop`, `flip`, `color-jitter`, `rotation` are the training transforms of
    the paper's models (MadryLab/robustness). The `generator` is on the CPU. An unknown name raises FeatsplitError.
    """
    check_augment(names)
    for name in names:
        inputs = _STEPS[name](inputs, generator)
    return inputs


def crop(inputs: Tensor, tops: Tensor, lefts: Tensor, *, padding: int, mode: Padding = "constant") -> Tensor:
    """The window of the same size at (tops, lefts), each (N,) in 0 ... 2 padding, of the images padded on all sides.

    The window at (padding, padding) is the image itself; one at (padding - a, padding - b) moves it by (a, b).
    """
    height, width = inputs.shape[2:]
    padded = F.pad(inputs, (padding, padding, padding, padding), mode=mode)
    rows = tops[:, None] + torch.arange(height, device=inputs.device)
    columns = lefts[:, None] + torch.arange(width, device=inputs.device)
    places = rows[:, :, None] * padded.shape[3] + columns[:, None, :]
    chosen = places.flatten(1)[:, None].expand(-1, inputs.shape[1], -1)
    return padded.flatten(2).gather(2, chosen).view(inputs.shape)


def flip(inputs: Tensor, chosen: Tensor) -> Tensor:
    """The images with those where `chosen` (N,) is true mirrored left to right."""
    return torch.where(chosen[:, None, None, None], inputs.flip(3), inputs)


def jitter(inputs: Tensor, factors: Tensor, order: Tensor) -> Tensor:
    """The images after brightness (0), contrast (1) and saturation (2) by `factors` (N, 3), in `order` (N, 3).

    Each is x -> clamp(f x + (1 - f) ref), ref = 0, the mean grey of the image, or its grey version.
    """
    for step in order.unbind(1):
        grey = _grey(inputs)
        kind = step[:, None, None, None]
        reference = torch.where(kind == 2, grey, grey.mean((1, 2, 3), keepdim=True)) * (kind > 0)
        factor = factors.gather(1, step[:, None])[:, :, None, None]
        inputs = (factor * inputs + (1 - factor) * reference).clamp(0, 1)
    return inputs


def rotate(inputs: Tensor, degrees: Tensor) -> Tensor:
    """The images turned counter-clockwise about their centres by `degrees` (N,), bilinear, zeros outside."""
    height, width = inputs.shape[2:]
    sine, cosine = torch.sin(torch.deg2rad(degrees)), torch.cos(torch.deg2rad(degrees))
    zero = torch.zeros_like(sine)
    across = torch.stack([cosine, -sine * (height / width), zero], dim=1)
    down = torch.stack([sine * (width / height), cosine, zero], dim=1)
    grid = F.affine_grid(torch.stack([across, down], dim=1), list(inputs.shape), align_corners=False)
    return F.grid_sample(inputs, grid, mode="bilinear", padding_mode="zeros", align_corners=False).clamp(0, 1)


def _grey(inputs: Tensor) -> Tensor:
    if inputs.shape[1] == 1:
        return inputs
    weights = torch.tensor(GREY_WEIGHTS, dtype=inputs.dtype, device=inputs.device)
    return (inputs * weights[:, None, None]).sum(1, keepdim=True)


def _random_crop(inputs: Tensor, generator: torch.Generator, *, share: int, mode: Padding = "constant") -> Tensor:
    padding = min(max(1, round(inputs.shape[2] / share)), min(inputs.shape[2:]) - 1)
    corners = torch.randint(0, 2 * padding + 1, (2, len(inputs)), generator=generator).to(inputs.device)
    return crop(inputs, corners[0], corners[1], padding=padding, mode=mode)


def _zero_crop(inputs: Tensor, generator: torch.Generator) -> Tensor:
    return _random_crop(inputs, generator, share=8)


def _reflect_crop(inputs: Tensor, generator: torch.Generator) -> Tensor:
    return _random_crop(inputs, generator, share=8, mode="reflect")


def _random_shift(inputs: Tensor, generator: torch.Generator) -> Tensor:
    return _random_crop(inputs, generator, share=14)


def _random_flip(inputs: Tensor, generator: torch.Generator) -> Tensor:
    return flip(inputs, (torch.rand(len(inputs), generator=generator) < 0.5).to(inputs.device))


def _random_jitter(inputs: Tensor, generator: torch.Generator) -> Tensor:
    factors = 1 + JITTER * (2 * torch.rand(len(inputs), 3, generator=generator) - 1)
    order = torch.rand(len(inputs), 3, generator=generator).argsort(dim=1)
    return jitter(inputs, factors.to(inputs), order.to(inputs.device))


def _random_rotation(inputs: Tensor, generator: torch.Generator) -> Tensor:
    degrees = ROTATION_DEGREES * (2 * torch.rand(len(inputs), generator=generator) - 1)
    return rotate(inputs, degrees.to(inputs))


_STEPS: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "crop": _zero_crop,
    "reflect-crop": _reflect_crop,
    "flip": _random_flip,
    "shift": _random_shift,
    "color-jitter": _random_jitter,
    "rotation": _random_rotation,
}
