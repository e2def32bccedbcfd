r"""Budget attacks: the strongest adversarial inputs that they find within eps.

All are x <- P(x - eta direction(grad f(x))), P the projection onto the eps-ball and into [0, 1], from the image or from
a random point of the ball, f as in `objectives`.
"""

from typing import Literal

import torch
from torch import Tensor

from featsplit.attacks.objectives import Network, classification
from featsplit.descent import descend_in_ball
from featsplit.geometry import Norm, Threat
from featsplit.records.evaluation import Loss


def fgsm(
    network: Network, inputs: Tensor, labels: Tensor, *, norm: Norm = "linf", eps: float, targeted: bool = False
) -> Tensor:
    """The fast gradient sign method, x + eps sign(grad J) (Goodfellow 2014, arXiv:1412.6572, section 4).

    Returns inputs (N, C, H, W) in [0, 1], within `eps` of the given ones.

    - network: any map from inputs to logits (N, K), in eval mode.
    - inputs: (N, C, H, W) in [0, 1].
    - labels: (N,) int64, the labels to leave; when `targeted` those to reach.
    - norm: "linf", as in the source, or "l2", where the step is eps along g / ||g||.
    - eps: the length of the one step and the radius of the ball, in `norm` on the [0, 1] pixel scale.
    - targeted: whether `labels` are to be reached.
    """
    return pgd(network, inputs, labels, norm=norm, eps=eps, steps=1, step_size=eps, targeted=targeted, keep="last")


def bim(
    network: Network, inputs: Tensor, labels: Tensor, *, norm: Norm = "linf", eps: float, steps: int, step_size: float
) -> Tensor:
    """The basic iterative method (Kurakin 2017, arXiv:1607.02533, section 2.2): the last of `steps` small FGSM steps.

    Returns inputs (N, C, H, W) in [0, 1], within `eps` of the given ones.

    - network: any map from inputs to logits (N, K), in eval mode.
    - inputs: (N, C, H, W) in [0, 1]; the steps start there.
    - labels: (N,) int64, the labels to leave.
    - norm: "linf", as in the source, or "l2".
    - eps: the radius of the ball, in `norm` on the [0, 1] pixel scale.
    - steps: how many; the source takes min(4 + 255 eps, 1.25 * 255 eps).
    - step_size: the length of each, in the same units; the source takes 1/255.
    """
    return pgd(network, inputs, labels, norm=norm, eps=eps, steps=steps, step_size=step_size, keep="last")


def least_likely(
    network: Network, inputs: Tensor, *, norm: Norm = "linf", eps: float, steps: int, step_size: float
) -> Tensor:
    """Steps towards the class that `network` finds least likely (Kurakin 2017, arXiv:1607.02533, section 2.3).

    Returns the last iterate, inputs (N, C, H, W) in [0, 1] within `eps` of the given ones.

    - network: any map from inputs to logits (N, K), in eval mode.
    - inputs: (N, C, H, W) in [0, 1]; the steps start there, and the class is that of the least logit there.
    - norm: "linf", as in the source, or "l2".
    - eps: the radius of the ball, in `norm` on the [0, 1] pixel scale.
    - steps: how many; the source takes min(4 + 255 eps, 1.25 * 255 eps).
    - step_size: the length of each, in the same units; the source takes 1/255.
    """
    with torch.no_grad():
        targets = network(inputs).argmin(dim=1)
    return pgd(
        network, inputs, targets, norm=norm, eps=eps, steps=steps, step_size=step_size, targeted=True, keep="last"
    )


def pgd(
    network: Network,
    inputs: Tensor,
    labels: Tensor,
    *,
    norm: Norm,
    eps: float,
    steps: int,
    step_size: float,
    offsets: Tensor | None = None,
    targeted: bool = False,
    keep: Literal["last", "best"] = "best",
    until_won: bool = False,
    loss: Loss = "cross-entropy",
    rough: float = 0.0,
) -> Tensor:
    """Projected gradient descent in the eps-ball (Madry 2018, arXiv:1706.06083, section 2.1).

    Returns adversarial inputs (N, C, H, W) in [0, 1], within `eps` of the given ones.

    - network: any map from inputs to logits (N, K), in eval mode.
    - inputs: (N, C, H, W) in [0, 1], the centres of the balls.
    - labels: (N,) int64, the labels to leave; when `targeted` those to reach.
    - norm: "l2", with steps along g / ||g||, or "linf", with steps along sign(g).
    - eps: the radius of the ball, in `norm` on the [0, 1] pixel scale.
    - steps, step_size: how many steps, and the length of each in the same units.
    - offsets: (N, C, H, W), where the start lies relative to `inputs` (see `Threat.random_offsets`); None: at 0.
    - targeted: whether `labels` are to be reached.
    - keep: "best" returns the iterate of least margin, start and end included, for one forward pass more; "last" the
      end, as in the source and for the data sets of arXiv:1905.02175.
    - until_won: whether an image takes no more steps after its first iterate that wins, and comes back there.
    - loss: "cross-entropy", or "margin", the difference of logits of arXiv:1608.04644 (f6).
    - rough: the share of the steps, from the first on, whose gradients may be computed by `network.rough`; what wins,
      and which iterate is best, is always told by `network` itself.
    """
    objective = classification(network, labels, targeted=targeted, until_won=until_won, loss=loss)
    threat = Threat(norm, eps)
    return descend_in_ball(
        objective, inputs, threat, steps=steps, step_size=step_size, offsets=offsets, keep=keep, rough=rough
    )
