r"""The exact answer on a linear network, which an attack is held against.

For logits W x + b and a class t, with w = W_t - W_y and the gap (Z_y - Z_t)(x), the nearest x' in the box with
w.(x' - x) = gap is clip(x + s w, 0, 1): s >= 0 is bisected, since w.r grows with it.
"""

import torch
from torch import Tensor

BISECTIONS = 60


def nearest_linear(inputs: Tensor, labels: Tensor, *, weight: Tensor, bias: Tensor) -> Tensor:
    """The least distance in l2 inside [0, 1] after which each class has the logit of the label: (N, K), in float64.

    0 at the label itself and where a class has it already; infinity where no image in the box is such. That of the
    nearest wrong class is the distance of the nearest adversarial image. To be predicted as a class that is not
    nearest may take more: a third class may lie above both.

    - weight: (K, C H W), bias: (K,), of the logits on pixels in [0, 1].
    - inputs: (N, C, H, W) in [0, 1].
    - labels: (N,) int64.
    """
    x, w = inputs.flatten(1).double(), weight.detach().double()
    logits = x @ w.T + bias.detach().double()
    gap = logits.gather(1, labels[:, None]) - logits
    found = [_to_class(x, w[target] - w[labels], gap[:, target]) for target in range(len(w))]
    return torch.stack(found, dim=1)


def _to_class(x: Tensor, direction: Tensor, gap: Tensor) -> Tensor:
    """How far (N,) each of `x` (N, d) has to go along its `direction` (N, d), inside the box, to close the `gap`."""
    steepest = direction.abs().amax(dim=1, keepdim=True).clamp_min(1e-30)
    unit = direction / steepest

    def moved(size: Tensor) -> Tensor:
        return (x + size[:, None] * unit).clamp(0, 1) - x

    def gained(size: Tensor) -> Tensor:
        return (moved(size) * direction).sum(dim=1)

    low, high = torch.zeros_like(gap), torch.full_like(gap, 1.0)
    while bool(((gained(high) < gap) & (high < 1e12)).any()):
        high = torch.where(gained(high) < gap, 2 * high, high)
    reachable = gained(high) >= gap
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        short = gained(middle) < gap
        low, high = torch.where(short, middle, low), torch.where(short, high, middle)
    far = torch.linalg.vector_norm(moved(high), dim=1)
    return torch.where(gap <= 0, 0.0, torch.where(reachable, far, torch.inf))
