r"""Budget attacks: the strongest adversarial inputs that they find within eps.

All are x <- P(x - eta direction(grad f(x))), P the projection onto the eps-ball and into [0, 1], from the image or from
a random point of the ball, f as in `objectives`.
"""

import math
from typing import Literal

import torch
from torch import Tensor

from featsplit.attacks.objectives import Network, classification
from featsplit.descent import Normalised, descend_in_ball, minimize
from featsplit.errors import FeatsplitError
from featsplit.geometry import Norm, Threat
from featsplit.records.evaluation import Loss


def fgsm(
    network: Network,
    inputs: Tensor,
    labels: Tensor,
    *,
    norm: Norm = "linf",
    eps: float,
    targeted: bool = False,
    clip: bool = True,
    loss: Loss = "cross-entropy",
) -> Tensor:
    """The fast gradient sign method, x + eps sign(grad J) (Goodfellow 2014, arXiv:1412.6572, section 4).

    Returns inputs (N, C, H, W) within `eps` of the given ones, in [0, 1] if `clip`.

    - network: any map from inputs to logits (N, K), in eval mode.
    - inputs: (N, C, H, W) in [0, 1].
    - labels: (N,) int64, the labels to leave; when `targeted` those to reach.
    - norm: "linf", as in the source, or "l2", where the step is eps along g / ||g||.
    - eps: the length of the one step and the radius of the ball, in `norm` on the [0, 1] pixel scale.
    - targeted: whether `labels` are to be reached.
    - clip: whether the end is put into [0, 1]. The source speaks of no clipping, and its statements on linear models
      hold without; what is no image is also no input of a photograph or a file.
    - loss: "cross-entropy", as in the source, or "margin". Where float32 logits are more than about 103 apart, as after
      distillation, the gradient of the cross-entropy is 0 and moves nothing; that of the margin is not.
    """
    objective = classification(network, labels, targeted=targeted, loss=loss)
    ball = Threat(norm, eps).ball(inputs)

    def project(moved: Tensor, rows: Tensor) -> Tensor:
        return ball(moved, rows) if clip else moved

    return minimize(objective, inputs, steps=1, rule=Normalised(eps, norm), project=project).inputs


def bim(
    network: Network,
    inputs: Tensor,
    labels: Tensor,
    *,
    norm: Norm = "linf",
    eps: float,
    steps: int | None = None,
    step_size: float | None = None,
    targeted: bool = False,
) -> Tensor:
    """The basic iterative method (Kurakin 2017, arXiv:1607.02533, section 2.2): the last of `steps` small FGSM steps.

    Returns inputs (N, C, H, W) in [0, 1], within `eps` of the given ones.

    - network: any map from inputs to logits (N, K), in eval mode.
    - inputs: (N, C, H, W) in [0, 1]; the steps start there.
    - labels: (N,) int64, the labels to leave; when `targeted` those to reach.
    - norm: "linf", as in the source, or "l2".
    - eps: the radius of the ball, in `norm` on the [0, 1] pixel scale.
    - steps, step_size: how many, and the length of each in the same units. Both None: `kurakin_steps` of 1/255, for
      "linf" alone.
    - targeted: whether `labels` are to be reached.

    Raises FeatsplitError where one of `steps` and `step_size` is missing, or both and the norm is "l2".
    """
    steps, step_size = _plan("bim", norm, eps, steps, step_size)
    return pgd(
        network, inputs, labels, norm=norm, eps=eps, steps=steps, step_size=step_size, targeted=targeted, keep="last"
    )


def least_likely(
    network: Network,
    inputs: Tensor,
    *,
    norm: Norm = "linf",
    eps: float,
    steps: int | None = None,
    step_size: float | None = None,
) -> Tensor:
    """Steps towards the class that `network` finds least likely (Kurakin 2017, arXiv:1607.02533, section 2.3).

    Returns the last iterate, inputs (N, C, H, W) in [0, 1] within `eps` of the given ones.

    - network: any map from inputs to logits (N, K), in eval mode.
    - inputs: (N, C, H, W) in [0, 1]; the steps start there, and the class is that of the least logit there.
    - norm: "linf", as in the source, or "l2".
    - eps: the radius of the ball, in `norm` on the [0, 1] pixel scale.
    - steps, step_size: how many, and the length of each in the same units. Both None: `kurakin_steps` of 1/255, for
      "linf" alone.

    Raises FeatsplitError where one of `steps` and `step_size` is missing, or both and the norm is "l2".
    """
    steps, step_size = _plan("least_likely", norm, eps, steps, step_size)
    with torch.no_grad():
        targets = network(inputs).argmin(dim=1)
    return pgd(
        network, inputs, targets, norm=norm, eps=eps, steps=steps, step_size=step_size, targeted=True, keep="last"
    )


def kurakin_steps(eps: float) -> int:
    """How many steps of 1/255 Kurakin 2017 takes within `eps`: min(e + 4, 1.25 e) of e = 255 eps, rounded down.

    One at least, which the ball then shortens (arXiv:1607.02533, section 2.2). The paper does not say how it rounds.
    """
    levels = 255 * eps + 1e-6
    return max(1, math.floor(min(levels + 4, 1.25 * levels)))


def _plan(place: str, norm: Norm, eps: float, steps: int | None, step_size: float | None) -> tuple[int, float]:
    """The steps and their length, where neither is given those of `kurakin_steps`."""
    if steps is not None and step_size is not None:
        return steps, step_size
    if steps is not None or step_size is not None:
        raise FeatsplitError(
            f"{place}.steps = {steps}, {place}.step_size = {step_size}: give both, or neither for the rule of "
            "arXiv:1607.02533"
        )
    if norm != "linf":
        raise FeatsplitError(
            f'{place}.steps = None: the rule of arXiv:1607.02533 is for norm "linf"; '
            f'for "{norm}" give steps and step_size'
        )
    return kurakin_steps(eps), 1 / 255


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
