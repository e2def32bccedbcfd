"""Projected gradient descent in an eps-ball, whatever is descended."""

from typing import Literal

from torch import Tensor

from featsplit.descent.minimize import Objective, minimize
from featsplit.geometry import Threat
from featsplit.records.rules import Normalised


def descend_in_ball(
    objective: Objective,
    origin: Tensor,
    threat: Threat,
    *,
    steps: int,
    step_size: float,
    offsets: Tensor | None = None,
    keep: Literal["last", "best"] = "last",
    rough: float = 0.0,
) -> Tensor:
    """Where normalised steps lead inside the ball around `origin` (arXiv:1706.06083, eq. 1): (N, ...) in [0, 1].

    `origin` (N, C, H, W) in [0, 1] are the centres of the balls of `threat`. `steps` steps of `step_size`, in the units
    of the norm, from the centres, or from `origin + offsets` (N, C, H, W). `objective`, `keep` and `rough` are those of
    `minimize`.
    """
    return minimize(
        objective,
        origin if offsets is None else origin + offsets,
        steps=steps,
        rule=Normalised(step_size, threat.norm),
        project=threat.ball(origin),
        keep=keep,
        rough=rough,
    ).inputs
