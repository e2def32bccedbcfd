"""What a minimum-norm attack returns: the nearest adversarial inputs that it found, and how far they are."""

from typing import NamedTuple

import torch
from torch import Tensor

from featsplit.attacks.objectives import Network, margin, slack
from featsplit.geometry import Distance, column, lengths


class Nearest(NamedTuple):
    """The nearest adversarial input of each image that an attack found.

    - inputs: (N, C, H, W) in [0, 1]; where it found none, the image as it was given.
    - distance: (N,) of these from the images, in the norm of the attack; infinity where it found none.
    - calls: (N,) int64, how often the network was run on each image.
    """

    inputs: Tensor
    distance: Tensor
    calls: Tensor

    @property
    def success(self) -> Tensor:
        """For which images one was found, (N,) bool."""
        return self.distance.isfinite()


def nearest(
    network: Network,
    inputs: Tensor,
    labels: Tensor,
    found: Tensor,
    *,
    norm: Distance,
    targeted: bool,
    calls: Tensor,
    confidence: float = 0.0,
) -> Nearest:
    """What comes of the candidates `found` (N, C, H, W): read once, at the end, in float32, on what is returned.

    A candidate is put into [0, 1] first. An image that is adversarial as it is comes back at distance 0. An image or a
    candidate that is not finite, or whose logits are not, has failed; no other is touched by it. `labels` (N,) are to
    be left, or reached when `targeted`, by a margin of `confidence`; not by more than that, since what an attack keeps
    has won by more than rounding (`objectives.slack`). Adds its own two runs of the network to `calls` (N,).
    """
    found = found.detach().clamp(0, 1)
    with torch.no_grad():
        already, won = (
            adversarial(network, images, labels, targeted=targeted, confidence=confidence, surely=False)
            for images in (inputs, found)
        )
    found = torch.where(column(won & ~already, found), found, inputs)
    distance = torch.where(won | already, lengths(found - inputs, norm), torch.inf)
    return Nearest(found, distance, calls + 2)


def adversarial(
    network: Network,
    inputs: Tensor,
    labels: Tensor,
    *,
    targeted: bool,
    confidence: float = 0.0,
    surely: bool = True,
) -> Tensor:
    """Whether each of `inputs` is predicted as another class than its label, or as it when `targeted`: (N,) bool.

    The logit of that class has to lead by `confidence`; and `surely`, as an attack has to win, by more than rounding
    may. False where the input or one of its logits is not finite.
    """
    logits = network(inputs).float()
    led = margin(logits, labels) * (1 if targeted else -1)
    if surely:
        return (led > confidence + slack(logits)) & _sound(inputs, logits)
    return (led >= confidence) & _sound(inputs, logits) & ((logits.argmax(dim=1) == labels) == targeted)


def _sound(inputs: Tensor, logits: Tensor) -> Tensor:
    return inputs.flatten(1).isfinite().all(dim=1) & logits.isfinite().all(dim=1)
