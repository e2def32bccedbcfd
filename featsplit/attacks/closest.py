r"""The nearest adversarial input: descent in a ball whose radius follows what was found.

    x' <- box(x + P_r(x' - x - a r u(g))),    u(g) = g / ||g||_2 with the entries that push into a wall left out

P_r is the projection onto the ball of radius r around x, r a radius of each image: a little below the least distance
so far where x' is adversarial; a little more than it was, but never above that distance, where it is not; and while
nothing was found at least as far as the linearised boundary, and always growing. (That of FMN, arXiv:2102.12827, is the
last alone; where the walls cut x' back after each step it stalls for ever, as with the black pixels of MNIST.) The step
is a share a of the radius, which falls as a half cosine, so one number suits all images and networks.

There are four phases. Two start from x: on the log-odds of the label, z_y - log sum_j exp z_j over the others, which
have a gradient where the cross-entropy's rounds to 0; and on the margin. The third goes on from the nearest input, on
the margin, with shorter steps; where there is none, since the network is flat around the image, from noise. The fourth
goes part of the way to the nearest point of the linearised boundary inside the box, which is exact where the network is
linear (after SuperDeepFool, arXiv:2303.12481). After the first phase, which may go far too far on the way to a target,
and at the end, x + s (x' - x) is bisected. All in float32, and each image by itself.

Tried at the same number of passes, and left out since they came no nearer: a phase towards the runner-up in place of
the third, and phases towards the second and the third other class.
"""

import math
from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

from featsplit.attacks.balls import into_ball, onto_face
from featsplit.attacks.nearest import Nearest, nearest
from featsplit.attacks.objectives import Network, margin, slack
from featsplit.descent import Evaluation, Objective, minimize
from featsplit.errors import check_count, unknown
from featsplit.geometry import Distance, box, column, lengths

ClosestNorm = Literal["l1", "l2", "linf"]
DUAL: dict[ClosestNorm, Distance] = {"l1": "linf", "l2": "l2", "linf": "l1"}
COLD, WARM, LAST = 10.0, 1.0, 0.01
"""The first step of a phase that starts from the image, and of one from the nearest input, in radii; and the last."""
FACES, PART, LAST_PART, OVER = 8, 0.6, 0.05, 1.005
"""Steps to the linearised boundary; which part of the way the first and the last go; and how far beyond it they aim."""
SHRINK, LEAST = 0.1, 0.001
"""By which share a radius shrinks or grows, at the start of a phase and at its end."""
FINISH = 4
"""Bisections at the end."""
LossOf = Callable[[Tensor, Tensor], Tensor]
"""The loss of logits (n, K) of the images at some rows (n,)."""


def closest(
    network: Network,
    inputs: Tensor,
    labels: Tensor,
    *,
    norm: ClosestNorm = "l2",
    targeted: bool = False,
    steps: int = 100,
) -> Nearest:
    """The nearest adversarial inputs that are found in about `steps` forward and backward passes.

    Returns a `Nearest`: inputs (N, C, H, W) in [0, 1], their distance (N,) in `norm`, infinity for an image for which
    none was found, and the calls of the network.

    - network: any map from inputs to logits (N, K), in eval mode.
    - inputs: (N, C, H, W) in [0, 1].
    - labels: (N,) int64, the labels to leave; when `targeted` those to reach.
    - norm: in which the distance is least, "l2", "linf" or "l1".
    - targeted: whether `labels` are to be reached.
    - steps: how many passes in all, of which `FINISH` + 2 and 3 of 50 go forward only. 400 come a little nearer.

    Raises FeatsplitError where an argument is out of its range.
    """
    if norm not in get_args(ClosestNorm):
        raise unknown("closest.norm", norm, get_args(ClosestNorm))
    check_count("closest.steps", steps)
    inputs = inputs.detach()
    search = _Search(network, inputs, labels, norm, targeted=targeted)
    cold = max(3 * steps // 10, 1)
    back = cold // 5
    search.descend(search.log_odds, cold)
    search.bisect(back)
    search.descend(search.margin, cold - back)
    search.descend(search.margin, max(steps - 2 * cold - FACES - FINISH - 2, 1), warm=True)
    search.to_face(FACES)
    search.bisect(FINISH)
    return nearest(network, inputs, labels, search.best, norm=norm, targeted=targeted, calls=search.calls)


class _Search:
    """The nearest adversarial input `best` of each image so far, its `distance`, and whether the last one `won`."""

    def __init__(self, network: Network, inputs: Tensor, labels: Tensor, norm: ClosestNorm, *, targeted: bool) -> None:
        self.network, self.inputs, self.labels, self.norm = network, inputs, labels, norm
        self.sign = -1.0 if targeted else 1.0
        self.best = inputs.clone()
        self.distance = torch.full((len(inputs),), math.inf, device=inputs.device)
        self.calls = torch.zeros_like(labels)
        self.won = torch.zeros_like(labels, dtype=torch.bool)

    def margin(self, logits: Tensor, rows: Tensor) -> Tensor:
        """Below 0 where an input is adversarial."""
        return self.sign * margin(logits, self.labels[rows])

    def log_odds(self, logits: Tensor, rows: Tensor) -> Tensor:
        """log p / (1 - p) of the label."""
        own = self.labels[rows][:, None]
        others = logits.scatter(1, own, -math.inf).logsumexp(dim=1)
        return self.sign * (logits.gather(1, own)[:, 0] - others)

    def descend(self, loss_of: LossOf, steps: int, *, warm: bool = False) -> None:
        """A phase: `steps` steps from the images themselves, or `warm` from the nearest inputs so far."""
        start = self._best_or_noise() if warm else self.inputs
        minimize(self._objective(loss_of), start, steps=steps, rule=_Follow(self, steps, warm=warm), project=box)
        self.calls += steps

    def to_face(self, steps: int) -> None:
        """A phase: `steps` steps from the nearest inputs so far to the boundary as the gradient tells it."""
        minimize(self._objective(self.margin), self.best, steps=steps, rule=_ToFace(self, steps), project=box)
        self.calls += steps

    def _best_or_noise(self) -> Tensor:
        """The nearest inputs so far, or noise, the same for every image, where there is none."""
        noise = torch.rand(self.inputs.shape[1:], generator=torch.Generator().manual_seed(0)).to(self.inputs)
        return torch.where(column(self.distance.isfinite(), self.inputs), self.best, noise)

    def _objective(self, loss_of: LossOf) -> Objective:
        def objective(current: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
            logits = self.network(current).float()
            score = self.margin(logits, rows)
            self.note(current.detach(), score.detach() + slack(logits))
            return Evaluation(loss_of(logits, rows), score)

        return objective

    def note(self, current: Tensor, score: Tensor) -> None:
        """Keep what is adversarial in `current` and nearer than what was."""
        distance = lengths(current - self.inputs, self.norm)
        self.won = score < 0
        nearer = self.won & (distance < self.distance)
        self.best = torch.where(column(nearer, current), current, self.best)
        self.distance = torch.where(nearer, distance, self.distance)

    def bisect(self, steps: int) -> None:
        """Go back from the best input towards the image as far as it stays adversarial."""
        way = self.best - self.inputs
        low, high = torch.zeros_like(self.distance), torch.ones_like(self.distance)
        rows = torch.arange(len(way), device=way.device)
        for _ in range(steps):
            middle = (low + high) / 2
            current = (self.inputs + column(middle, way) * way).clamp(0, 1)
            with torch.no_grad():
                logits = self.network(current).float()
            score = self.margin(logits, rows) + slack(logits)
            self.note(current, score)
            low, high = torch.where(score < 0, low, middle), torch.where(score < 0, middle, high)
        self.calls += steps


class _Follow:
    """The step of a phase, and the radius of each image."""

    def __init__(self, search: _Search, steps: int, *, warm: bool) -> None:
        self.search, self.steps, self.first = search, steps, WARM if warm else COLD
        self.radius = torch.where(search.distance.isfinite(), search.distance, 0.0)
        size = math.sqrt(search.inputs[0].numel()) if len(search.inputs) else 1.0
        self.unit = {"l1": 1 / size, "l2": 1.0, "linf": size}[search.norm]

    def __call__(self, inputs: Tensor, gradient: Tensor, loss: Tensor, step: int) -> Tensor:
        """From `inputs` a step against the gradient, and into the ball of the radius that follows."""
        search, rate = self.search, (1 + math.cos(math.pi * step / self.steps)) / 2
        pushed = ((inputs <= 0) & (gradient > 0)) | ((inputs >= 1) & (gradient < 0))
        gradient, delta = torch.where(pushed, 0.0, gradient), inputs - search.inputs
        self._follow(lengths(delta, search.norm), gradient, loss, LEAST + (SHRINK - LEAST) * rate)
        size = self.unit * self.radius.clamp_max(10) * (LAST + (self.first - LAST) * rate)
        scale = size / lengths(gradient, "l2").clamp_min(1e-12)
        return into_ball(delta - column(scale, gradient) * gradient, self.radius, search.norm) - delta

    def _follow(self, length: Tensor, gradient: Tensor, loss: Tensor, share: float) -> None:
        """Let the radius follow: `length` is that of the input now, `share` what it gains or loses."""
        least, grown = self.search.distance, self.radius * (1 + share)
        boundary = length + loss.abs() / lengths(gradient, DUAL[self.search.norm]).clamp_min(1e-12)
        sought = torch.where(least.isfinite(), torch.minimum(grown, least), torch.maximum(grown, boundary))
        self.radius = torch.where(self.search.won, torch.minimum(length, least) * (1 - share), sought)

    def take(self, rows: Tensor) -> None:
        """No image leaves before the end."""


class _ToFace:
    """A part of the way to the nearest point, inside the box, of the boundary as the gradient tells it."""

    def __init__(self, search: _Search, steps: int) -> None:
        self.search, self.steps = search, steps

    def __call__(self, inputs: Tensor, gradient: Tensor, loss: Tensor, step: int) -> Tensor:
        """From `inputs` that part, which falls as a half cosine."""
        origin, delta = self.search.inputs, inputs - self.search.inputs
        fall = loss - (gradient * delta).flatten(1).sum(dim=1)
        part = LAST_PART + (PART - LAST_PART) * (1 + math.cos(math.pi * step / self.steps)) / 2
        return part * (OVER * onto_face(origin, gradient, fall, self.search.norm) - delta)

    def take(self, rows: Tensor) -> None:
        """No image leaves before the end."""
