"""Augmentation as batched tensor operations, on the device where the images are.

A random step draws a few numbers an image from a generator on the CPU and hands them to a deterministic function:
a window into the padded image (`crop`), a mirror (`flip`), blends x -> f x + (1 - f) ref (`jitter`), a sampling grid
(`rotate`), a box that is scaled to the size (`resized_crop`). No image feels its batch, and pixels stay in [0, 1];
shapes stay too, unless a `size` is asked for.
"""

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from featsplit.records.training import AUGMENTATIONS as AUGMENTATIONS
from featsplit.records.training import check_augment as check_augment

Padding = Literal["constant", "reflect"]

GREY_WEIGHTS = (0.2989, 0.587, 0.114)  # ITU-R 601 luma, as Pillow and torchvision have it
JITTER, STRONG_JITTER = 0.25, 0.8
GREY = 0.2
"""The probability of an image to be without colours, as in SimCLR."""
ROTATION_DEGREES = 2.0
AREA, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)  # of a box, as torchvision's RandomResizedCrop has them
TRIES = 10


class Draws(NamedTuple):
    """What is drawn for the images of a batch of `total`, of which those at `own` are here (None: all of them)."""

    generator: torch.Generator
    total: int
    own: Tensor | None = None
    size: tuple[int, int] | None = None
    """(H, W) of what comes out; None: as it comes in."""

    def uniform(self, *shape: int) -> Tensor:
        """Numbers in [0, 1), (n, *shape)."""
        return self._of_own(torch.rand(self.total, *shape, generator=self.generator))

    def corners(self, high: int) -> Tensor:
        """Two whole numbers in 0 ... high - 1 for each image, (2, n)."""
        drawn = torch.randint(0, high, (2, self.total), generator=self.generator)
        return drawn if self.own is None else drawn[:, self.own]

    def _of_own(self, drawn: Tensor) -> Tensor:
        return drawn if self.own is None else drawn[self.own]


def augment(
    inputs: Tensor,
    names: Sequence[str],
    *,
    generator: torch.Generator,
    total: int | None = None,
    own: Tensor | None = None,
    size: tuple[int, int] | None = None,
) -> Tensor:
    """The images after the named steps, in that order: (N, C, H, W) in [0, 1], as `inputs`.

    `crop`, `reflect-crop`: random window after padding by H / 8 (4 pixels at 32) with zeros or by reflection; `flip`:
    mirrored left to right with probability 1/2; `shift`: moved by up to H / 14 pixels (2 at 28), zeros outside;
    `color-jitter`: brightness, contrast and saturation by factors in [0.75, 1.25], in random order;
    `strong-color-jitter`: in [0.2, 1.8]; `grey`: without colours with probability 1/5, as in SimCLR; `rotation`: by up
    to 2 degrees, bilinear, zeros outside; `random-resized-crop`: a box of 8 to 100 % of the area and of ratio 3/4 to
    4/3, scaled to `size` (H, W), or to that of `inputs` (as torchvision's, arXiv:1409.4842). `crop`, `flip`,
    `color-jitter`, `rotation` are the training transforms of the paper's models (MadryLab/robustness). The `generator`
    is on the CPU. An unknown name raises FeatsplitError.

    Where `inputs` are but the images at `own` (n,) of a batch of `total`, all of the batch is drawn for: an image is
    the same, whoever has it.
    """
    check_augment(names)
    draws = Draws(generator, len(inputs) if total is None else total, own, size)
    for name in names:
        inputs = _STEPS[name](inputs, draws)
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


def resized_crop(inputs: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """What is in the `boxes` (N, 4) of top, left, height, width, in pixels, scaled to `size`: (N, C, *size).

    Bilinear, with antialiasing where it becomes smaller: W_down x W_across^T, whose rows are triangles as wide as a
    pixel of the result.
    """
    top, left, height, width = boxes.to(inputs.device).unbind(1)
    down = _weights(top, height, inputs.shape[2], size[0]).to(inputs.dtype)
    across = _weights(left, width, inputs.shape[3], size[1]).to(inputs.dtype)
    return (down[:, None] @ inputs @ across[:, None].mT).clamp(0, 1)


def _weights(first: Tensor, length: Tensor, whole: int, size: int) -> Tensor:
    """The weights of `whole` pixels, of which `length` from `first` on count, in each of `size`: (N, size, whole)."""
    scale = (length.double() / size)[:, None, None]
    centres = scale * (torch.arange(size, device=first.device) + 0.5)[:, None]
    pixels = torch.arange(whole, device=first.device) - first[:, None]
    inside = (pixels >= 0) & (pixels < length[:, None])
    weights = (1 - (pixels[:, None] + 0.5 - centres).abs() / scale.clamp_min(1)).clamp_min(0) * inside[:, None]
    return weights / weights.sum(2, keepdim=True)


def boxes_of(drawn: Tensor, height: int, width: int) -> Tensor:
    """The boxes (N, 4) of top, left, height, width that numbers in [0, 1), `drawn` (N, TRIES, 4), stand for.

    The four are area, ratio (in its logarithm), top and left. The first try whose box fits; else the middle.
    """
    area, ratio, top, left = drawn.double().unbind(2)
    area = height * width * (AREA[0] + (AREA[1] - AREA[0]) * area)
    low, high = (math.log(end) for end in RATIO)
    ratio = (low + (high - low) * ratio).exp()
    across, down = (area * ratio).sqrt().round().long(), (area / ratio).sqrt().round().long()
    fits = (across > 0) & (across <= width) & (down > 0) & (down <= height)
    tops, lefts = (top * (height - down + 1)).long(), (left * (width - across + 1)).long()
    boxes = torch.stack([tops, lefts, down, across], dim=2)
    chosen = boxes.gather(1, fits.byte().argmax(1)[:, None, None].expand(-1, 1, 4))[:, 0]
    return torch.where(fits.any(1)[:, None], chosen, torch.tensor(_middle_box(height, width)))


def _middle_box(height: int, width: int) -> tuple[int, int, int, int]:
    """The largest box in the middle whose ratio is one of `RATIO`."""
    across, down = min(width, round(height * RATIO[1])), min(height, round(width / RATIO[0]))
    return (height - down) // 2, (width - across) // 2, down, across


def _grey(inputs: Tensor) -> Tensor:
    if inputs.shape[1] == 1:
        return inputs
    weights = torch.tensor(GREY_WEIGHTS, dtype=inputs.dtype, device=inputs.device)
    return (inputs * weights[:, None, None]).sum(1, keepdim=True)


def _random_crop(inputs: Tensor, draws: Draws, *, share: int, mode: Padding = "constant") -> Tensor:
    padding = min(max(1, round(inputs.shape[2] / share)), min(inputs.shape[2:]) - 1)
    corners = draws.corners(2 * padding + 1).to(inputs.device)
    return crop(inputs, corners[0], corners[1], padding=padding, mode=mode)


def _zero_crop(inputs: Tensor, draws: Draws) -> Tensor:
    return _random_crop(inputs, draws, share=8)


def _reflect_crop(inputs: Tensor, draws: Draws) -> Tensor:
    return _random_crop(inputs, draws, share=8, mode="reflect")


def _random_shift(inputs: Tensor, draws: Draws) -> Tensor:
    return _random_crop(inputs, draws, share=14)


def _random_flip(inputs: Tensor, draws: Draws) -> Tensor:
    return flip(inputs, (draws.uniform() < 0.5).to(inputs.device))


def _random_jitter(inputs: Tensor, draws: Draws, *, strength: float = JITTER) -> Tensor:
    factors = 1 + strength * (2 * draws.uniform(3) - 1)
    order = draws.uniform(3).argsort(dim=1)
    return jitter(inputs, factors.to(inputs), order.to(inputs.device))


def _strong_jitter(inputs: Tensor, draws: Draws) -> Tensor:
    return _random_jitter(inputs, draws, strength=STRONG_JITTER)


def _random_grey(inputs: Tensor, draws: Draws) -> Tensor:
    chosen = (draws.uniform() < GREY).to(inputs.device)
    return torch.where(chosen[:, None, None, None], _grey(inputs), inputs)


def _random_rotation(inputs: Tensor, draws: Draws) -> Tensor:
    degrees = ROTATION_DEGREES * (2 * draws.uniform() - 1)
    return rotate(inputs, degrees.to(inputs))


def _random_resized_crop(inputs: Tensor, draws: Draws) -> Tensor:
    height, width = inputs.shape[2:]
    return resized_crop(inputs, boxes_of(draws.uniform(TRIES, 4), height, width), draws.size or (height, width))


_STEPS: dict[str, Callable[[Tensor, Draws], Tensor]] = {
    "crop": _zero_crop,
    "reflect-crop": _reflect_crop,
    "flip": _random_flip,
    "shift": _random_shift,
    "color-jitter": _random_jitter,
    "strong-color-jitter": _strong_jitter,
    "grey": _random_grey,
    "rotation": _random_rotation,
    "random-resized-crop": _random_resized_crop,
}
