r"""Useful and robust features, by the paper's definitions (arXiv:1905.02175, section 2).

    rho = E[y f(x)],   gamma = E[inf over ||delta|| <= eps of y f(x + delta)]

for each unit of the representation and each logit as f, one class against the rest: y is 1 on the class and -1
elsewhere, the two weighing half each, and f has mean 0 and variance 1 under these weights, so rho is in [-1, 1]. A unit
is taken with the class, and the sign, for which its rho is largest; a logit with its own class.
"""

from typing import cast

import numpy as np
import torch
from torch import Tensor

from featsplit.data.images import Split
from featsplit.data.selection import limit_split
from featsplit.descent import ROUGH, Evaluation, descend_in_ball
from featsplit.errors import FeatsplitError
from featsplit.models.classifier import Classifier
from featsplit.progress import progress
from featsplit.randomness import torch_generator
from featsplit.records.evaluation import Attack, Probe
from featsplit.rows import Row
from featsplit.runtime import CPU, Frozen, Machine, batches, frozen, usual_batch

PERMUTATIONS, LEVEL, SURE = 50, 0.99, 2.326
"""Chance: `LEVEL` of the units that tell nothing stay below the threshold of rho, which is found by permutations of the
labels; and as many of those whose gamma is 0 stay below `SURE` standard errors (a normal quantile)."""


class UnitRow(Row, total=False):
    """A unit of the representation, or a logit (`layer`), taken with its `target_class`: see `usefulness`.

    `n` images for rho, of which `attacked` for gamma.
    """

    network: str
    unit: int
    layer: str
    target_class: int
    rho: float
    gamma: float
    error: float
    chance: float
    kind: str
    attacked: int


def usefulness(
    model: Classifier,
    split: Split,
    probe: Probe = Probe(),
    *,
    classes: int | None = None,
    seed: int = 0,
    machine: Machine = CPU,
) -> list[UnitRow]:
    """A row for each unit of the representation and each logit: its `rho`, its `gamma`, and of which `kind` it is.

    `classes` is how many the images have, None: as many as the network has logits; an encoder has none.

    rho is over all of `split`. What the adversary takes from it is measured by PGD on that one feature, on the images
    that the `probe` chooses. `kind`: "useless" where rho is not above `chance`, what 99 in 100 units (or logits, each
    with its own class) reach on labels that were shuffled. Of the others "robust" where gamma is above 0 by more than
    chance: by `SURE` times its standard `error`, over the images of rho and over those few that the adversary moved, so
    1 in 100 units whose gamma is 0 are called so; else "useful".
    Raises FeatsplitError where these images are fewer than two for each class.
    """
    classes = classes or model.classes
    if not classes:
        raise FeatsplitError("usefulness: an encoder does not say how many classes there are; give classes=K")
    if probe.images < 2 * classes:
        rule = f"must be at least {2 * classes}, two for each class"
        raise FeatsplitError(f"images = {probe.images}: {rule}; what the adversary takes has no error otherwise")
    network = frozen(model, machine)
    values = torch.cat(
        [features(network, split.inputs(rows).to(machine.device)).cpu() for rows in batches(len(split), 500)]
    )
    rho, scale = one_against_rest(values, split.labels, classes=classes)
    units = values.shape[1] - model.classes
    chosen = torch.cat([rho[:units].abs().argmax(dim=1), torch.arange(model.classes)])
    of = torch.arange(len(chosen))
    sign = torch.where((rho[of, chosen] < 0) & (of < units), -1.0, 1.0)
    slope, best = sign / scale[of, chosen], sign * rho[of, chosen]
    few = limit_split(split, probe.images, classes=classes, seed=seed, place="images")
    attack = probe.attack()
    falls = _falls(network, few, chosen, slope, attack) if probe.eps else torch.zeros(len(few), len(chosen))
    lost, error_lost = _of_halves(falls, few.labels, chosen)
    aligned = values.double() * slope * torch.where(split.labels[:, None] == chosen, 1.0, -1.0)
    error = (_of_halves(aligned, split.labels, chosen)[1].square() + error_lost.square()).sqrt()
    chance = _by_chance(values, split.labels, classes=classes, units=units, seed=seed)
    met = (few.labels[:, None] == chosen).sum(dim=0) > 1  # of one image there is no spread
    kinds = _kinds(best > chance, met & (best - lost > SURE * error))
    shared = cast(UnitRow, {**attack.fields(), "n": len(split), "attacked": len(few), "seed": seed})
    return [
        {
            "unit": unit if unit < units else unit - units,
            "layer": "representation" if unit < units else "logits",
            "target_class": int(chosen[unit]),
            "rho": float(best[unit]),
            "gamma": float(best[unit] - lost[unit]),
            "error": float(error[unit]),
            "chance": float(chance[unit]),
            "kind": kinds[unit],
            **shared,
        }
        for unit in range(len(chosen))
    ]


def _kinds(useful: Tensor, withstands: Tensor) -> list[str]:
    """What each feature is that is useful, (features,), and withstands the adversary."""
    pairs = zip(useful.tolist(), withstands.tolist(), strict=True)
    return [("robust" if both else "useful") if one else "useless" for one, both in pairs]


def features(network: Classifier, inputs: Tensor) -> Tensor:
    """The representation and the logits side by side, (N, features + classes)."""
    representation = network.representation(inputs)
    return torch.cat([representation, network.head(representation)], dim=1)


def one_against_rest(values: Tensor, labels: Tensor, *, classes: int) -> tuple[Tensor, Tensor]:
    """rho and the standard deviation of each feature for each class against the rest, (features, classes) each.

    `values` (N, features). A feature that never changes has rho 0; so has a class without an image, or with all.
    """
    weights = torch.zeros(len(labels), classes, dtype=torch.float64)
    weights[torch.arange(len(labels)), labels] = 1.0
    counts = weights.sum(dim=0)
    doubles = values.double()
    inside = doubles.T @ weights / counts.clamp_min(1)
    outside = doubles.T @ (1 - weights) / (len(labels) - counts).clamp_min(1)
    middle = (inside + outside) / 2
    square = doubles.square()
    second = (
        square.T @ weights / counts.clamp_min(1) + square.T @ (1 - weights) / (len(labels) - counts).clamp_min(1)
    ) / 2
    scale = (second - middle.square()).clamp_min(0).sqrt()
    alive = (scale > 1e-6 * square.mean(dim=0).sqrt()[:, None]) & (counts > 0) & (counts < len(labels))
    rho = torch.where(alive, (inside - outside) / 2 / scale.clamp_min(1e-30), 0.0)
    return rho, torch.where(alive, scale, torch.inf)


def _falls(network: Frozen, split: Split, chosen: Tensor, slope: Tensor, attack: Attack) -> Tensor:
    """How far the adversary lowers y f of each image and feature, (images, features): all of them in one stream."""
    device, total = network.mean.device, len(split)
    inputs, sign = split.inputs().to(device), torch.where(split.labels[:, None] == chosen, 1.0, -1.0)
    fall, (steps, step_size) = torch.zeros(len(chosen), total), attack.plan()
    for rows in progress(batches(len(chosen) * total, usual_batch(Machine(device), network.shape)), "usefulness"):
        unit, image = rows // total, rows % total
        start, towards = inputs[image], (sign[image, unit] * slope[unit]).float().to(device)
        picked = unit.to(device)

        def objective(
            current: Tensor, places: Tensor, *, rough: bool, towards: Tensor = towards, picked: Tensor = picked
        ) -> Evaluation:
            value = (
                features(network.rough if rough else network, current).gather(1, picked[places, None])[:, 0]
                * towards[places]
            )
            return Evaluation(value, value)

        lowest = descend_in_ball(
            objective, start, attack.threat, steps=steps, step_size=step_size, keep="best", rough=ROUGH
        )
        every = torch.arange(len(rows), device=device)
        with torch.no_grad():
            gone = objective(start, every, rough=False).score - objective(lowest, every, rough=False).score
        fall[unit, image] = gone.cpu()
    return fall.T


def _of_halves(values: Tensor, labels: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of `values` (N, features), each feature's class weighing half and the rest half; its standard error."""
    means, squares = [], []
    for inside in (labels[:, None] == chosen, labels[:, None] != chosen):
        count = inside.sum(dim=0)
        mean = (values * inside).sum(dim=0) / count.clamp_min(1)
        spread = ((values - mean).square() * inside).sum(dim=0) / (count - 1).clamp_min(1)
        means.append(mean)
        squares.append(spread / count.clamp_min(1))
    return (means[0] + means[1]) / 2, (squares[0] + squares[1]).sqrt() / 2


def _by_chance(values: Tensor, labels: Tensor, *, classes: int, units: int, seed: int) -> Tensor:
    """What 99 of 100 features reach at most where the labels say nothing, (features,): of so many units, and of logits.

    A unit is taken with its best class and sign, so it reaches more than a logit, whose class is its own.
    """
    generator = torch_generator(seed, "usefulness/permutation")
    logits, of_units, of_logits = values.shape[1] - units, list[Tensor](), list[Tensor]()
    for _ in range(PERMUTATIONS):
        shuffled = labels[torch.randperm(len(labels), generator=generator)]
        rho = one_against_rest(values, shuffled, classes=classes)[0]
        of_units.append(rho[:units].abs().amax(dim=1))
        of_logits.append(rho[units:].diagonal())
    reached = [(torch.cat(each).numpy(), count) for each, count in ((of_units, units), (of_logits, logits)) if count]
    levels = [[float(np.quantile(values, LEVEL))] * count for values, count in reached]
    return torch.tensor([level for each in levels for level in each], dtype=torch.float64)
