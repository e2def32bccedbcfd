r"""DeepFool (Moosavi-Dezfooli 2016, arXiv:1511.04599): steps to the nearest face of the linearised classifier.

With y the label, f_l = Z_l - Z_y and w_l = grad f_l, for each other class l,

    l* = argmin_l |f_l| / ||w_l||_q,        q the dual of the norm p: 2 for l2, 1 for linf
    r  <- r + (|f_l*| / ||w_l*||_q + 1e-4) u(w_l*),        u(w) = w / ||w||_2 (l2) or sign(w) (linf)
    x' = x + (1 + overshoot) r,        in [0, 1]

until x' is predicted as another class. The overshoot is on the sum of all steps; the 1e-4 is in the authors' code.
"""

import torch
from torch import Tensor

from featsplit.attacks.gradients import gradient
from featsplit.attacks.nearest import Nearest, nearest
from featsplit.attacks.objectives import Network, margin, slack
from featsplit.errors import FeatsplitError, check_count
from featsplit.geometry import Norm, check_norm, column, lengths

BEYOND = 1e-4
"""How far past the linearised face a step goes, before the overshoot."""


def deepfool(
    network: Network,
    inputs: Tensor,
    labels: Tensor,
    *,
    norm: Norm = "l2",
    steps: int = 50,
    overshoot: float = 0.02,
    candidates: int = 10,
    targeted: bool = False,
) -> Nearest:
    """The first input on DeepFool's way that is predicted as another class (arXiv:1511.04599, algorithm 2).

    Returns a `Nearest`; an image that does not get there, or has no gradient, has failed. The source does not clip;
    here x' is put into [0, 1], as the prediction is taken there. An image that is done leaves the batch. A step costs
    one forward pass, which `calls` counts, and a backward pass for each candidate but the label.

    - network: any map from inputs to logits (N, K), in eval mode; logits, not probabilities.
    - inputs: (N, C, H, W) in [0, 1].
    - labels: (N,) int64, the labels to leave.
    - norm: in which the nearest face is sought, "l2" or "linf" (section 3.3).
    - steps: how many at most.
    - overshoot: by which share the sum of all steps is lengthened.
    - candidates: how many classes are considered, the label and those of largest logit at the image; at least 2.
    - targeted: there is no such DeepFool; True raises FeatsplitError.
    """
    check_norm("deepfool", norm)
    check_count("deepfool.steps", steps)
    if candidates < 2:
        raise FeatsplitError(f"deepfool.candidates = {candidates}: must be at least 2, the label and another class")
    if targeted:
        raise FeatsplitError("deepfool.targeted = True: DeepFool has no target; use closest for one")
    found, calls = inputs.detach().clone(), torch.zeros_like(labels)
    total, rows = torch.zeros_like(found), torch.arange(len(found), device=found.device)
    others: Tensor | None = None
    for _ in range(steps):
        if not len(rows):
            break
        free = found[rows].requires_grad_(True)
        with torch.enable_grad():
            logits = network(free).float()
        calls[rows] += 1
        if others is None:
            others = _rivals(logits.detach(), labels, candidates - 1)
        step, going = _nearest_face(logits, free, torch.cat([labels[rows, None], others[rows]], dim=1), norm)
        going &= margin(logits.detach(), labels[rows]) > -slack(logits)
        rows = rows[going]
        total[rows] += step[going]
        found[rows] = (inputs[rows] + (1 + overshoot) * total[rows]).clamp(0, 1)
    return nearest(network, inputs, labels, found, norm=norm, targeted=False, calls=calls)


def _rivals(logits: Tensor, labels: Tensor, count: int) -> Tensor:
    """The classes of the `count` largest logits but the label's, largest first: (N, count or K - 1)."""
    others = logits.nan_to_num().scatter(1, labels[:, None], float("-inf"))
    return others.topk(min(count, logits.shape[1] - 1), dim=1).indices


def _nearest_face(logits: Tensor, inputs: Tensor, classes: Tensor, norm: Norm) -> tuple[Tensor, Tensor]:
    """The step to the nearest linearised face, (n, C, H, W), and for which images there is one, (n,).

    `classes` (n, k): the label and its rivals.
    """
    least = torch.full_like(logits[:, 0].detach(), torch.inf)
    way = torch.zeros_like(inputs)
    leads = logits.gather(1, classes[:, 1:]) - logits.gather(1, classes[:, :1])
    for rival, lead in enumerate(leads.unbind(dim=1)):
        slope = gradient(lead, inputs, again=rival + 1 < leads.shape[1])
        size = lengths(slope, "l2" if norm == "l2" else "l1")
        distance = (lead.detach().abs() / size).where(size > 0, torch.inf)
        nearer = distance < least
        least = torch.where(nearer, distance, least)
        unit = slope / column(size, slope) if norm == "l2" else slope.sign()
        way = torch.where(column(nearer, way), unit, way)
    return way * column(least + BEYOND, way), least.isfinite()
