r"""JSMA, the Jacobian-based saliency map attack (Papernot 2016, arXiv:1511.07528): two components at a time to a wall.

With J the Jacobian of Z, the logits, or of F = softmax(Z), and t the target, each component i has

    a_i = theta J_ti,        b_i = theta sum_{j != t} J_ji

and the saliency map takes, of all pairs (p, q) not used yet, the one of largest

    -(a_p + a_q) (b_p + b_q)        where a_p + a_q > 0 > b_p + b_q.

Both go to the wall, 1 for theta = +1 and 0 for -1, and are used. The end is the target, a share gamma of all
components, or that no pair is left with these signs: the attack is stuck, and has failed.

The sum over j is one backward pass, so a step needs two, however many classes there are. Nor are all n^2 pairs looked
at: of a best pair, no component is beaten in both a and -b by two others, since one of those two could take its place.
"""

from typing import Literal

import torch
from torch import Tensor

from featsplit.attacks.gradients import gradient
from featsplit.attacks.nearest import Nearest, adversarial, nearest
from featsplit.attacks.objectives import Network, margin, slack
from featsplit.errors import FeatsplitError, unknown
from featsplit.geometry import column, lengths

Of = Literal["logits", "probabilities"]

PAIRS = 2**22
"""How many pairs are compared at a time; more would only need more memory."""


def jsma(
    network: Network,
    inputs: Tensor,
    labels: Tensor,
    *,
    of: Of = "logits",
    theta: Literal[1, -1] = 1,
    gamma: float = 0.145,
    targeted: bool = False,
) -> Nearest:
    """Where JSMA leads (Papernot 2016, arXiv:1511.07528, algorithms 2 and 3); distances are numbers of components.

    Returns a `Nearest` in "l0"; an image that is stuck or has changed its share has failed. A colour pixel has as many
    components as channels. A step costs one forward pass, which `calls` counts, and two backward passes. An image that
    is done leaves the batch.

    - network: any map from inputs to logits (N, K), in eval mode.
    - inputs: (N, C, H, W) in [0, 1].
    - labels: (N,) int64, the labels to reach when `targeted`, else those to leave.
    - of: whose Jacobian it is, that of the "logits" (JSMA-Z of arXiv:1608.04644) or of the "probabilities" (JSMA-F).
    - theta: 1, components only rise, or -1, they only fall.
    - gamma: the share of the components that may change; the source's 0.145 of an image of MNIST.
    - targeted: the source has targeted attacks only. An untargeted one is the best case of arXiv:1608.04644: all K - 1
      other classes are targets, one after the other, and the nearest counts; the calls are those of all.

    Raises FeatsplitError where an argument is out of its range.
    """
    _check(of, theta, gamma)
    if targeted:
        found, calls = _reach(network, inputs, labels, of=of, theta=theta, gamma=gamma)
        return nearest(network, inputs, labels, found, norm="l0", targeted=True, calls=calls)
    with torch.no_grad():
        classes = network(inputs[:1]).shape[1]
    best, calls = inputs.detach().clone(), torch.zeros_like(labels)
    least = torch.full(labels.shape, torch.inf, device=inputs.device)
    for shift in range(1, classes):
        found, more = _reach(network, inputs, (labels + shift) % classes, of=of, theta=theta, gamma=gamma)
        with torch.no_grad():
            won = adversarial(network, found, labels, targeted=False)
        distance = lengths(found - inputs, "l0").float().where(won, torch.inf)
        best = torch.where(column(distance < least, best), found, best)
        least, calls = torch.minimum(least, distance), calls + more + 1
    return nearest(network, inputs, labels, best, norm="l0", targeted=False, calls=calls)


def _check(of: str, theta: float, gamma: float) -> None:
    if of not in ("logits", "probabilities"):
        raise unknown("jsma.of", of, ("logits", "probabilities"))
    if theta not in (1, -1):
        raise FeatsplitError(f"jsma.theta = {theta:g}: must be 1, components rise to 1, or -1, they fall to 0")
    if not 0 < gamma <= 1:
        raise FeatsplitError(f"jsma.gamma = {gamma:g}: must be a share of the components, above 0 and at most 1")


def _reach(
    network: Network, inputs: Tensor, targets: Tensor, *, of: Of, theta: Literal[1, -1], gamma: float
) -> tuple[Tensor, Tensor]:
    """Where the steps towards `targets` end, and the calls."""
    wall = 1.0 if theta == 1 else 0.0
    flat, calls = inputs.detach().flatten(1).clone(), torch.zeros_like(targets)
    unused, rows = flat != wall, torch.arange(len(flat), device=flat.device)
    for _ in range(int(gamma * flat.shape[1] / 2)):
        if not len(rows):
            break
        rises, falls, reached = _saliency(network, flat[rows].view(-1, *inputs.shape[1:]), targets[rows], of=of)
        calls[rows] += 1
        pairs, some = best_pairs(theta * rises, -theta * falls, unused[rows])
        rows, pairs = rows[some & ~reached], pairs[some & ~reached]
        flat[rows[:, None], pairs] = wall
        unused[rows[:, None], pairs] = False
    return flat.view(inputs.shape), calls


def _saliency(network: Network, images: Tensor, targets: Tensor, *, of: Of) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of the target's output and of the sum of all others, (n, d) each; and which are at the target."""
    free = images.requires_grad_(True)
    with torch.enable_grad():
        logits = network(free).float()
        outputs = logits if of == "logits" else logits.softmax(dim=1)
        own = outputs.gather(1, targets[:, None]).squeeze(1)
        others = outputs.scatter(1, targets[:, None], 0.0).sum(dim=1)
    rises, falls = gradient(own, free, again=True), gradient(others, free)
    return rises.flatten(1), falls.flatten(1), margin(logits.detach(), targets) > slack(logits)


def best_pairs(gains: Tensor, losses: Tensor, unused: Tensor, *, at_once: int = PAIRS) -> tuple[Tensor, Tensor]:
    """The pair (p, q) of largest product of summed `gains` and `losses` (n, d), both above 0: (n, 2), and if any, (n,).

    Only components that are `unused` (n, d), with finite numbers, count. About `at_once` pairs are compared at a time.
    """
    unused = unused & gains.isfinite() & losses.isfinite()
    gains, losses = (values.where(unused, -torch.inf) for values in (gains, losses))
    places = _unbeaten(gains, losses)
    gains, losses = gains.gather(1, places), losses.gather(1, places)
    pairs, best, width = torch.empty_like(places[:, :2]), torch.empty_like(gains[:, 0]), places.shape[1]
    upper = torch.ones(width, width, dtype=torch.bool, device=places.device).triu(1)
    size = max(1, at_once // width**2)
    for chunk in (slice(start, start + size) for start in range(0, len(places), size)):
        gain, loss = (values[chunk, :, None] + values[chunk, None] for values in (gains, losses))
        product = (gain * loss).where((gain > 0) & (loss > 0) & upper, -torch.inf).flatten(1)
        best[chunk], place = product.max(dim=1)
        both = torch.stack([place // width, place % width], dim=1)
        pairs[chunk] = places[chunk].gather(1, both)
    return pairs, best > -torch.inf


def _unbeaten(gains: Tensor, losses: Tensor) -> Tensor:
    """The components that fewer than two others beat in both, (n, w) in their order; others fill up to one w."""
    order = gains.argsort(dim=1, descending=True, stable=True)
    ordered = losses.gather(1, order)
    first = ordered.cummax(dim=1).values
    before = torch.cat([torch.full_like(first[:, :1], -torch.inf), first[:, :-1]], dim=1)
    second = torch.minimum(ordered, before).cummax(dim=1).values
    in_front = torch.cat([torch.full_like(second[:, :1], -torch.inf), second[:, :-1]], dim=1)
    chosen = torch.zeros_like(gains, dtype=torch.bool).scatter(1, order, (ordered >= in_front) & ordered.isfinite())
    width = max(2, int(chosen.sum(dim=1).max()))
    places = chosen.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :width]
    return places.sort(dim=1).values
