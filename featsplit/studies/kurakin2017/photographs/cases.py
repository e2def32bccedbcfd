"""Which pairs of a clean and an adversarial image are photographed: the paper's average and prefiltered case."""

from typing import Literal

import torch
from torch import Tensor

from featsplit.evaluation.seen import Seen
from featsplit.randomness import torch_generator

Case = Literal["average", "prefiltered"]
CASES: tuple[Case, ...] = ("average", "prefiltered")


def eligible(case: Case, clean: Seen, adversarial: Seen, *, gate: float) -> Tensor:
    """Which images (N,) bool the `case` takes its pairs from: all, or those of an adversary who chooses.

    Prefiltered are the pairs whose clean image is predicted rightly, whose adversarial one is not, nor has its label
    among the top k, both with a probability of `gate` at least (section 3.2 of the paper).
    """
    if case == "average":
        return torch.ones_like(clean.right)
    sure = (clean.confidence >= gate) & (adversarial.confidence >= gate)
    return clean.right & ~adversarial.right & ~adversarial.in_top & sure


def drawn(among: Tensor, count: int, *, seed: int) -> Tensor:
    """At most `count` of the images that are `among` (N,) bool, in a random order that is the same for every case."""
    order = torch.randperm(len(among), generator=torch_generator(seed, "photographs"))
    return order[among[order]][:count]
