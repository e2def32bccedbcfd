"""What an attack of `benchmarks minimal` is judged by: calls of the network, distances, optimality."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from featsplit.geometry import Distance, lengths


class Counted(nn.Module):
    """A network that counts its passes, in images: those of a batch that went forward, those that came back."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.forwards, self.backwards = network, 0, 0

    def forward(self, inputs: Tensor) -> Tensor:
        """The logits (N, K) of `inputs` (N, C, H, W)."""
        self.forwards += len(inputs)
        logits: Tensor = _Seen.apply(self.network(inputs), self)
        return logits


class _Seen(torch.autograd.Function):
    """The identity, which tells its counter how many rows a gradient had on its way back."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, counter: Counted) -> Tensor:
        ctx.counter = counter
        return logits.view_as(logits)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None]:
        (slope,) = slopes
        ctx.counter.backwards += len(slope)
        return slope, None


def distances(network: nn.Module, inputs: Tensor, labels: Tensor, found: Tensor, norm: Distance) -> Tensor:
    """How far the images `found` are from `inputs`, (N,), by one float32 prediction on them, clamped to [0, 1].

    0 where the image is misread as it is, infinity where the one found is not, or is not finite.
    """
    found = found.detach().float().clamp(0, 1).contiguous()
    with torch.no_grad():
        already, won = (network(images).argmax(dim=1) != labels for images in (inputs, found))
    far = lengths(found - inputs, norm)
    return torch.where(won & far.isfinite(), far, torch.inf).masked_fill(already, 0.0)


def optimality(own: Tensor, least: Tensor) -> float:
    """Local optimality of distances `own` (N,) against the `least` known (N,), 0 where the clean image is misread.

    AttackBench's, arXiv:2404.19460, equation 5: with A the area under the accuracy by eps, up to the eps e0 at which
    the least distances leave none, and C the clean accuracy, (C e0 - A) / (C e0 - A of the least).
    """
    largest = least[least.isfinite()].max()
    clean = (least > 0).float().mean()
    area, reference = (far.clamp_max(largest).mean() for far in (own, least))
    return float((clean * largest - area) / (clean * largest - reference))


def envelope(found: Sequence[Tensor]) -> Tensor:
    """The least distance that any of them found, (N,)."""
    return torch.stack(list(found)).amin(dim=0)
