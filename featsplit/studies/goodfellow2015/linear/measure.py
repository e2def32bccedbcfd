r"""The linear explanation: what a change of eps in each of n pixels does to w.x.

    eps sign(w) moves it by eps |w|_1,    eps s with random signs s by about eps |w|_2

The first is larger by |w|_1 / |w|_2, which is sqrt(n) where all weights are alike (section 3 of the paper).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from featsplit.attacks.objectives import Network as Map
from featsplit.data.images import Split
from featsplit.engine.jobs import Worker
from featsplit.models import Classifier
from featsplit.randomness import torch_generator
from featsplit.runtime import batches, frozen
from featsplit.studies.goodfellow2015.examine import BATCH, about, mean_row
from featsplit.studies.goodfellow2015.networks import by_size, plain
from featsplit.studies.goodfellow2015.place import Place, Stage
from featsplit.studies.goodfellow2015.rows import NetworkRow
from featsplit.studies.goodfellow2015.tops import fast

REACH = 0.5
"""How far to either side the logits are followed, in linf."""


@dataclass(frozen=True)
class Shifts:
    """How far signs of the weights and random signs move the activation, on images of each size."""

    place: Place

    def __call__(self, worker: Worker) -> list[NetworkRow]:
        """Rows of both shifts for each size, of how far the first is from its formula; and the slope of their ratio."""
        stage = Stage(worker, self.place)
        networks = by_size(stage.settings)
        models = [stage.network(one) for one in networks]

        def measure() -> list[NetworkRow]:
            ratios, rows = list[Tensor](), list[NetworkRow]()
            for network, model in zip(networks, models, strict=True):
                first = about(network, side=model.shape[-1])
                by_sign, by_chance, gap = shifts(model, stage.data_of(network.size).test, stage)
                ratios.append((by_sign / by_chance).log())
                rows += [{**first, **mean_row("sign shift", by_sign)}, {**first, **mean_row("random shift", by_chance)}]
                rows.append({**first, "measure": "gap", "n": len(gap), "value": float(gap.max()), "error": 0.0})
            pixels = torch.tensor([float(math.prod(model.shape)) for model in models]).log()
            return [
                *rows,
                {**first, "model": "softmax", **mean_row("slope", slopes(pixels, torch.stack(ratios, dim=1)))},
            ]

        return [{**row, "experiment": "linear"} for row in stage.ensure_rows("shifts", models, {}, measure)]


def shifts(model: Classifier, test: Split, stage: Stage) -> tuple[Tensor, Tensor, Tensor]:
    """By how much the lead of the label over the runner-up falls in units of eps, of each image, (N,) each.

    By the signs of the weights; by random signs, the root mean square over draws; and how far the first is from |w|_1,
    as a part of it.
    """
    generator, found = torch_generator(stage.seed, "shifts"), list[tuple[Tensor, Tensor, Tensor]]()
    eps, network, weights = stage.settings.eps, frozen(model), model.head.weight.detach()
    for rows in batches(len(test), BATCH):
        inputs, labels = test.inputs(rows), test.labels[rows]
        with torch.no_grad():
            clean = network(inputs)
            other = clean.scatter(1, labels[:, None], -math.inf).argmax(dim=1)
            w = (weights[labels] - weights[other]).reshape(inputs.shape)
            lead = _lead(clean, labels, other)
            by_sign = (lead - _lead(network(inputs - eps * w.sign()), labels, other)) / eps
            squares = torch.zeros(len(rows))
            for _ in range(stage.settings.linear.draws):
                signs = torch.randint(2, inputs.shape, generator=generator) * 2.0 - 1
                squares += ((_lead(network(inputs + eps * signs), labels, other) - lead) / eps).square()
        length = w.abs().flatten(1).sum(dim=1)
        found.append((by_sign, (squares / stage.settings.linear.draws).sqrt(), (by_sign / length - 1).abs()))
    by_sign, by_chance, gap = (torch.cat(parts) for parts in zip(*found, strict=True))
    return by_sign, by_chance, gap


def _lead(logits: Tensor, labels: Tensor, other: Tensor) -> Tensor:
    own, its = (logits.gather(1, which[:, None]).squeeze(1) for which in (labels, other))
    return own - its


def slopes(places: Tensor, values: Tensor) -> Tensor:
    """The slope of the line of least squares through `values` (N, S) at `places` (S,), of each row: (N,)."""
    centred = places - places.mean()
    return values @ centred / centred.square().sum()


@dataclass(frozen=True)
class Line:
    """The logits of a maxout network along x + e sign(grad J), e from -1/2 to 1/2, not clipped (Figure 4)."""

    place: Place

    def __call__(self, worker: Worker) -> list[NetworkRow]:
        """Rows of R^2 of a straight line to either side, of how often the mistake stays the same; and one curve."""
        stage = Stage(worker, self.place)
        network = plain(stage.settings)
        model = stage.network(network)

        def measure() -> list[NetworkRow]:
            own, first = stage.settings.linear, about(network, side=model.shape[-1])
            inputs, labels = stage.data.test.inputs(slice(own.images)), stage.data.test.labels[: own.images]
            grid = torch.linspace(-REACH, REACH, own.points)
            logits = along(frozen(model), inputs, labels, grid)
            middle = own.points // 2
            far = logits[:, grid >= stage.settings.eps - 1e-6].argmax(dim=2)
            stays = ((far == far[:, :1]).all(dim=1) & (far[:, 0] != labels)).double()
            curve: NetworkRow = {"measure": "curve", "n": 1, "value": float(labels[0]), "error": 0.0}
            curve |= {"grid": grid.tolist(), "logits": logits[0].tolist()}
            rows = [
                mean_row("straight, away from the label", straightness(grid[middle:], logits[:, middle:])),
                mean_row("straight, towards the label", straightness(grid[: middle + 1], logits[:, : middle + 1])),
                mean_row("the same mistake from eps on", stays),
                curve,
            ]
            return [{**first, **row, "experiment": "linear"} for row in rows]

        return stage.ensure_rows("line", [model], {}, measure)


def along(network: Map, inputs: Tensor, labels: Tensor, grid: Tensor) -> Tensor:
    """The logits of `inputs` (N, C, H, W) moved by each e of `grid` (P,) along the sign of the gradient: (N, P, K)."""
    direction = fast(network, inputs, labels, eps=1.0, clip=False) - inputs
    with torch.no_grad():
        return torch.stack([network(inputs + e * direction) for e in grid], dim=1)


def straightness(grid: Tensor, logits: Tensor) -> Tensor:
    """R^2 of the line of least squares through the logits (N, P, K) at `grid` (P,), the mean over classes: (N,)."""
    centred, values = grid - grid.mean(), logits - logits.mean(dim=1, keepdim=True)
    explained = torch.einsum("p,npk->nk", centred, values).square() / centred.square().sum()
    return (explained / values.square().sum(dim=1).clamp_min(1e-12)).mean(dim=1)
