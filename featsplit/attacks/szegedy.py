r"""Box-constrained L-BFGS, the first attack (Szegedy 2014, arXiv:1312.6199, section 4.1).

    minimise over x' in [0, 1]^n   c || x' - x ||_2^2 + J(x', t),      J the cross-entropy

by L-BFGS-B from x. The largest c whose minimum wins is searched for: that one is nearest. (The source writes c |r|, and
asks for the least c, which it must have meant the other way round.)

The source aims at a target. Without one, -J(x', y) has no minimum: it pulls the harder the further x' is lost, and even
on a linear network the end jumps from x to twice the distance that would do. The margin, the difference of logits, does
not; nor does its gradient vanish where the network is sure of itself, as that of -J(x', y) does, unless the logits are
divided by a temperature.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from featsplit.attacks.carlini_wagner import attacked, clearly
from featsplit.attacks.nearest import Nearest, nearest
from featsplit.attacks.objectives import Network, classification
from featsplit.errors import check_count, check_positive, unknown
from featsplit.progress import progress
from featsplit.records.evaluation import LOSSES, Loss

LEAST, MOST = 1e-5, 1e10
"""An image is given up where no c of at least `LEAST` wins; no c beyond `MOST` is tried."""

FACTOR = 4.0
"""c is multiplied or divided by it until one has won and one has lost."""


def szegedy_lbfgs(
    network: Network,
    inputs: Tensor,
    labels: Tensor,
    *,
    loss: Loss | None = None,
    temperature: float = 1.0,
    iterations: int = 40,
    bisections: int = 8,
    targeted: bool = False,
) -> Nearest:
    """The nearest adversarial inputs in l2 that box-constrained L-BFGS finds (arXiv:1312.6199, section 4.1).

    c starts at 1, is multiplied or divided by 4 until one has won and one has lost, and is then bisected on a
    logarithmic scale. An image at which the gradient of J is exactly 0 is never moved, and has failed.

    - network: any map from inputs to logits (N, K), in eval mode; it is called with one image at a time.
    - inputs: (N, C, H, W) in [0, 1].
    - labels: (N,) int64, the labels to leave; when `targeted`, as in the source, those to reach.
    - loss: J, "cross-entropy" or "margin", the difference of logits. None: cross-entropy where there is a target, as in
      the source, and the margin where there is none.
    - temperature: the logits are divided by it before J is taken.
    - iterations: at most so many of L-BFGS-B for each c; each takes one call or a few.
    - bisections: how often the interval of c is halved.
    - targeted: whether `labels` are to be reached.

    Raises FeatsplitError where an option is out of its range.
    """
    loss = loss or ("cross-entropy" if targeted else "margin")
    if loss not in LOSSES:
        raise unknown("szegedy_lbfgs.loss", loss, LOSSES)
    check_positive("szegedy_lbfgs.temperature", temperature)
    check_count("szegedy_lbfgs.iterations", iterations)
    check_count("szegedy_lbfgs.bisections", bisections)
    inputs = inputs.contiguous()
    found, calls = inputs.clone(), torch.ones_like(labels)
    for row in progress(attacked(network, inputs, labels, targeted=targeted).tolist(), "box-constrained L-BFGS"):
        own = slice(row, row + 1)
        image = _Image(network, inputs[own], labels[own], _Options(loss, temperature, iterations, targeted))
        found[own] = _nearest_minimum(image, bisections)
        calls[row] += image.calls
    return nearest(network, inputs, labels, found, norm="l2", targeted=targeted, calls=calls)


@dataclass(frozen=True)
class _Options:
    loss: Loss
    temperature: float
    iterations: int
    targeted: bool


class _Image:
    """One image (1, C, H, W), and how often the network was run on it."""

    def __init__(self, network: Network, inputs: Tensor, labels: Tensor, options: _Options) -> None:
        self.network, self.inputs, self.labels, self.options = network, inputs, labels, options
        self.origin: NDArray[np.float64] = inputs.flatten().cpu().double().numpy()
        self.calls = 0

    def tensor(self, vector: NDArray[np.float64]) -> Tensor:
        """The image that a vector of pixels stands for."""
        return torch.from_numpy(vector).to(self.inputs).reshape(self.inputs.shape)

    def value(self, vector: NDArray[np.float64], c: float) -> tuple[float, NDArray[np.float64]]:
        """What is minimised, and its gradient."""
        self.calls += 1
        point = self.tensor(vector).requires_grad_(True)
        options, rows = self.options, torch.zeros(1, dtype=torch.int64, device=point.device)
        with torch.enable_grad():
            objective = classification(self._cooled, self.labels, targeted=options.targeted, loss=options.loss)
            loss = objective(point, rows, rough=False).loss
            (gradient,) = torch.autograd.grad(loss.sum(), point)
        delta = vector - self.origin
        own = gradient.flatten().cpu().double().numpy()
        return c * float(delta @ delta) + float(loss.detach()), 2 * c * delta + own

    def minimum(self, c: float) -> Tensor | None:
        """Where L-BFGS-B comes to from the image, if it has won there."""
        from scipy.optimize import minimize  # a third of a second that other attacks do not need

        end = minimize(
            self.value,
            self.origin,
            args=(c,),
            method="L-BFGS-B",
            jac=True,
            bounds=[(0, 1)] * len(self.origin),
            options={"maxiter": self.options.iterations},
        )
        images = self.tensor(end.x)
        self.calls += 1
        with torch.no_grad():
            won = clearly(self.network(images).float(), self.labels, targeted=self.options.targeted)
        return images if bool(won) else None

    def _cooled(self, images: Tensor) -> Tensor:
        return self.network(images) / self.options.temperature


def _nearest_minimum(image: _Image, bisections: int) -> Tensor:
    """The minimum of the largest c that wins, (1, C, H, W); the image itself where none does."""
    best, won, lost, c = image.inputs, 0.0, math.inf, 1.0
    halved = 0
    while LEAST <= c <= MOST and halved <= bisections:
        end = image.minimum(c)
        if end is None:
            lost = c
        else:
            best, won = end, c
        if won and lost < math.inf:
            halved, c = halved + 1, math.sqrt(won * lost)
        else:
            c = c * FACTOR if won else c / FACTOR
    return best
