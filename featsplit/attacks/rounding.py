r"""Adversarial images of 8 bits: rounded to 255ths, and repaired (arXiv:1608.04644, section V.D).

Rounding moves an image by up to 1/510 in each pixel, and one that lies just behind the boundary may come back over it.
Then single pixels are changed by one level, the one of largest gain of f = Z_r - Z_g first, until it is lost again.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from featsplit.attacks.carlini_wagner import Rows
from featsplit.attacks.growing_constant import lead_of
from featsplit.attacks.nearest import adversarial
from featsplit.attacks.objectives import Network
from featsplit.errors import check_count
from featsplit.geometry import column

LEVELS = 255


class Rounded(NamedTuple):
    """Images (N, C, H, W) whose pixels are 255ths, and which of them are adversarial.

    - inputs: rounded, and repaired where that was needed; as rounded where no repair was found.
    - before: (N,) bool, which were adversarial as they were given.
    - kept: (N,) bool, which of these rounding alone left adversarial.
    - success: (N,) bool, which of these are adversarial in the end.
    - changed: (N,) int64, how many components the repair changed.
    - calls: (N,) int64, how often the network was run on each image.
    """

    inputs: Tensor
    before: Tensor
    kept: Tensor
    success: Tensor
    changed: Tensor
    calls: Tensor


def rounded(
    network: Network, inputs: Tensor, labels: Tensor, *, limit: int = 10_000, targeted: bool = False
) -> Rounded:
    """Adversarial `inputs` rounded to 255ths, repaired where that has undone them (arXiv:1608.04644, section V.D).

    No component is changed a second time before every one that helps was changed once. An image that is not
    adversarial as it is given is rounded and no more.

    - network: any map from inputs to logits (N, K), in eval mode.
    - inputs: (N, C, H, W) in [0, 1], as an attack returns them.
    - labels: (N,) int64, the labels that were to be left; when `targeted` those to be reached.
    - limit: an image has at most so many changes; each is one call.
    - targeted: whether `labels` were to be reached.
    """
    check_count("rounded.limit", limit)
    levels, calls = (inputs.contiguous() * LEVELS).round(), torch.full_like(labels, 3)
    with torch.no_grad():
        before, kept = (
            adversarial(network, images, labels, targeted=targeted, surely=False)
            for images in (inputs, levels / LEVELS)
        )
    repaired, rows = levels.clone(), (before & ~kept).nonzero()[:, 0]
    search = _Search(rows, labels[rows], levels[rows], torch.zeros_like(levels[rows]))
    for _ in range(limit):
        if not len(search.rows):
            break
        calls[search.rows] += 1
        going = _step(search, network, targeted=targeted)
        repaired[search.rows] = search.levels
        search = search[going]
    with torch.no_grad():
        success = before & adversarial(network, repaired / LEVELS, labels, targeted=targeted, surely=False)
    repaired = torch.where(column(success, repaired), repaired, levels)
    changed = (repaired != levels).flatten(1).sum(dim=1)
    return Rounded(repaired / LEVELS, before, before & kept, success, changed, calls)


@dataclass(frozen=True)
class _Search(Rows):
    """The images that are repaired, in 255ths; and how many `times` each component was changed."""

    rows: Tensor
    labels: Tensor
    levels: Tensor
    times: Tensor


def _step(search: _Search, network: Network, *, targeted: bool) -> Tensor:
    """Change one component of each image that is not repaired; which images go on, (n,) bool."""
    levels, times = search.levels, search.times.flatten(1)
    lead = lead_of(network, levels / LEVELS, search.labels, targeted=targeted, lead=0.0)
    way = -lead.steepest.sign()
    gain = torch.where((levels + way >= 0) & (levels + way <= LEVELS), lead.steepest.abs(), 0.0).flatten(1)
    helps = gain > 0
    fewest = torch.where(helps, times, torch.inf).amin(dim=1, keepdim=True)
    chosen = torch.where(helps & (times == fewest), gain, 0.0).argmax(dim=1, keepdim=True)
    going = ~lead.won & helps.any(dim=1)
    one = torch.zeros_like(gain).scatter(1, chosen, going[:, None].to(gain.dtype)).reshape(levels.shape)
    search.levels.add_(one * way)
    search.times.add_(one)
    return going
