r"""The least eps at which a budget attack works: FGS and IGS, as Carlini and Wagner 2017 set them beside their own.

    eps = 1/255, 2/255, 3/255, ...: the first at which the attack of that eps succeeds      (arXiv:1608.04644)

Every eps is tried, and none is bisected for: the fast method may win at 10/255, lose at 20/255 and win again at 30/255.
"""

import torch
from torch import Tensor

from featsplit.attacks.budget import kurakin_steps
from featsplit.attacks.gradients import gradient
from featsplit.attacks.nearest import Nearest, adversarial, nearest
from featsplit.attacks.objectives import Network, classification
from featsplit.descent import Objective
from featsplit.errors import FeatsplitError, check_count
from featsplit.records.evaluation import Loss


def least_eps_fgsm(
    network: Network,
    inputs: Tensor,
    labels: Tensor,
    *,
    levels: int = 255,
    most: float = 1.0,
    loss: Loss = "cross-entropy",
    targeted: bool = False,
) -> Nearest:
    """What `fgsm` in linf finds at the least eps of the grid 1 / levels, 2 / levels, ... at which it succeeds.

    Returns a `Nearest` in linf; an image that no eps up to `most` wins, or whose gradient is 0, has failed. Costs one
    forward and backward pass, and a forward pass for each eps tried; an image that is won leaves the batch.

    - network: any map from inputs to logits (N, K), in eval mode.
    - inputs: (N, C, H, W) in [0, 1].
    - labels: (N,) int64, the labels to leave; when `targeted` those to reach.
    - levels: how fine the grid is; 255 is that of images in bytes.
    - most: the largest eps, on the [0, 1] pixel scale.
    - loss: "cross-entropy", as in the source, or "margin" (see `fgsm`).
    - targeted: whether `labels` are to be reached.
    """
    _check("least_eps_fgsm", levels, most)
    objective = classification(network, labels, targeted=targeted, loss=loss)
    found, calls, rows, way = _start(objective, network, inputs, labels, targeted=targeted)
    for level in range(1, int(most * levels + 1e-6) + 1):
        if not len(rows):
            break
        moved = (inputs[rows] - level / levels * way[rows]).clamp(0, 1)
        with torch.no_grad():
            won = adversarial(network, moved, labels[rows], targeted=targeted)
        calls[rows] += 1
        found[rows[won]] = moved[won]
        rows = rows[~won]
    return nearest(network, inputs, labels, found, norm="linf", targeted=targeted, calls=calls)


def least_eps_bim(
    network: Network,
    inputs: Tensor,
    labels: Tensor,
    *,
    levels: int = 255,
    most: float = 1.0,
    loss: Loss = "cross-entropy",
    targeted: bool = False,
) -> Nearest:
    """What `bim` by Kurakin's rule finds at the least eps of the grid 1 / levels, 2 / levels, ... at which it succeeds.

    Returns a `Nearest` in linf; an image that no eps up to `most` wins, or whose gradient is 0, has failed. The first
    255 eps steps of 1/255 cannot leave the ball, so they are the same for every larger eps, and are taken once: an eps
    costs at most four forward and backward passes of its own, and a forward pass. What is won leaves the batch.

    - network: any map from inputs to logits (N, K), in eval mode.
    - inputs: (N, C, H, W) in [0, 1].
    - labels: (N,) int64, the labels to leave; when `targeted` those to reach.
    - levels: how fine the grid is; 255 is that of images in bytes.
    - most: the largest eps, on the [0, 1] pixel scale.
    - loss: "cross-entropy", as in the source, or "margin" (see `fgsm`).
    - targeted: whether `labels` are to be reached.
    """
    _check("least_eps_bim", levels, most)
    objective = classification(network, labels, targeted=targeted, loss=loss)
    found, calls, rows, way = _start(objective, network, inputs, labels, targeted=targeted)
    path, taken = inputs.detach().clone(), 0
    for level in range(1, int(most * levels + 1e-6) + 1):
        if not len(rows):
            break
        eps, steps = level / levels, kurakin_steps(level / levels)
        common = min(steps, int(255 * eps + 1e-6))
        for _ in range(common - taken):
            slope = way[rows] if taken == 0 else _uphill(objective, path[rows], rows)
            path[rows] = (path[rows] - slope / 255).clamp(0, 1)
            calls[rows] += taken > 0
            taken += 1
        point, centre = path[rows], inputs[rows]
        for _ in range(steps - common):
            moved = point - _uphill(objective, point, rows) / 255
            point = (centre + (moved - centre).clamp(-eps, eps)).clamp(0, 1)
        with torch.no_grad():
            won = adversarial(network, point, labels[rows], targeted=targeted)
        calls[rows] += steps - common + 1
        found[rows[won]] = point[won]
        rows = rows[~won]
    return nearest(network, inputs, labels, found, norm="linf", targeted=targeted, calls=calls)


def _check(place: str, levels: int, most: float) -> None:
    check_count(f"{place}.levels", levels)
    if not 1 / levels <= most <= 1:
        raise FeatsplitError(f"{place}.most = {most:g}: must be at least 1 / levels = {1 / levels:.4g}, and at most 1")


def _start(
    objective: Objective, network: Network, inputs: Tensor, labels: Tensor, *, targeted: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The images, the calls so far, the rows that can move and have to, and the signs of the gradient there."""
    rows = torch.arange(len(inputs), device=inputs.device)
    with torch.no_grad():
        already = adversarial(network, inputs, labels, targeted=targeted)
    way = _uphill(objective, inputs.detach(), rows)
    flat = way.flatten(1)
    moves = flat.isfinite().all(dim=1) & flat.any(dim=1) & ~already
    return inputs.detach().clone(), torch.full_like(labels, 2), rows[moves], way


def _uphill(objective: Objective, inputs: Tensor, rows: Tensor) -> Tensor:
    """The signs of the gradient of the objective at `inputs` of `rows`."""
    free = inputs.detach().requires_grad_(True)
    with torch.enable_grad():
        loss = objective(free, rows, rough=False).loss
    return gradient(loss, free).sign()
