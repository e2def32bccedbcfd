r"""Useful and robust features, by the paper's definitions (arXiv:1905.02175, section 2).

    rho = E[y f(x)],   gamma = E[inf over ||delta|| <= eps of y f(x + delta)]

for each unit of the representation and each logit as f, one class against the rest: y is 1 on the class and -1
elsewhere, the two weighing half each, and f has mean 0 and variance 1 under these weights, so rho is in [-1, 1]. A unit
is taken with the class, and the sign, for which its rho is largest; a logit with its own class.
"""

import torch
from torch import Tensor

from featsplit.data.images import Split
from featsplit.data.selection import limit_split
from featsplit.evaluation.attack import Attack, Row
from featsplit.geometry import Norm, ball
from featsplit.models.classifier import Classifier
from featsplit.optimize import DRAFT, Evaluation, minimize
from featsplit.progress import progress
from featsplit.randomness import torch_generator
from featsplit.rules import StepRule
from featsplit.runtime import Frozen, Precision, batches, frozen, usual_batch

PERMUTATIONS = 20


def usefulness(
    model: Classifier,
    split: Split,
    *,
    norm: Norm,
    eps: float,
    images: int = 200,
    steps: int = 10,
    seed: int = 0,
    device: torch.device | str = "cpu",
    precision: Precision = "auto",
) -> list[Row]:
    """A row for each unit of the representation and each logit: its `rho`, its `gamma`, and of which `kind` it is.

    rho is over all of `split`. What the adversary takes from it is measured by PGD on that one feature, on a stratified
    choice of `images` of them. `kind`: "robust" where gamma is above 0; "useful" where only rho is above what 99 in 100
    units reach on labels that were shuffled; else "useless".
    Raises FeatsplitError where `images` are fewer than the classes.
    """
    network = frozen(model, device, precision=precision)
    values = torch.cat([features(network, split.inputs(rows).to(device)).cpu() for rows in batches(len(split), 500)])
    rho, scale = one_against_rest(values, split.labels, classes=model.classes)
    units = values.shape[1] - model.classes
    chosen = torch.cat([rho[:units].abs().argmax(dim=1), torch.arange(model.classes)])
    of = torch.arange(len(chosen))
    own = rho[of, chosen]
    sign = torch.where((own < 0) & (of < units), -1.0, 1.0)
    few = limit_split(split, images, classes=model.classes, seed=seed, place="images")
    plan = Attack("pgd", norm, eps, steps)
    lost = _lost(network, few, chosen, sign / scale[of, chosen], plan) if eps else torch.zeros(len(chosen))
    rho_own, gamma = sign * own, sign * own - lost
    chance = _by_chance(values[:, :units], split.labels, classes=model.classes, seed=seed)
    return [
        {
            "unit": unit if unit < units else unit - units,
            "layer": "representation" if unit < units else "logits",
            "class": int(chosen[unit]),
            "rho": float(rho_own[unit]),
            "gamma": float(gamma[unit]),
            "kind": "robust" if gamma[unit] > 0 else "useful" if rho_own[unit] > chance else "useless",
            **plan.fields(),
            "n": len(split),
            "images": len(few),
            "seed": seed,
        }
        for unit in range(len(chosen))
    ]


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


def _lost(network: Frozen, split: Split, chosen: Tensor, slope: Tensor, plan: Attack) -> Tensor:
    """How much of its rho each feature loses to the adversary, (features,): all features and images in one stream."""
    device, total = network.mean.device, len(split)
    inputs, sign = split.inputs().to(device), torch.where(split.labels[:, None] == chosen, 1.0, -1.0)
    counts = (split.labels[:, None] == chosen).sum(dim=0)
    weights = 0.5 / torch.where(sign > 0, counts, total - counts)
    fall = torch.zeros(len(chosen), total)
    for rows in progress(batches(len(chosen) * total, usual_batch(device, network.shape)), "usefulness"):
        unit, image = rows // total, rows % total
        start, towards = inputs[image], (sign[image, unit] * slope[unit]).float().to(device)
        picked = unit.to(device)

        def objective(
            current: Tensor, places: Tensor, towards: Tensor = towards, picked: Tensor = picked
        ) -> Evaluation:
            value = features(network, current).gather(1, picked[places, None])[:, 0] * towards[places]
            return Evaluation(value, value)

        rule, onto = StepRule("paper", step_size=plan.stride, norm=plan.norm), ball(start, plan.norm, plan.eps)
        found = minimize(objective, start, steps=plan.steps, rule=rule, project=onto, keep="best", draft=DRAFT).inputs
        every = torch.arange(len(rows), device=device)
        with torch.no_grad():
            gone = objective(start, every).score - objective(found, every).score
        fall[unit, image] = gone.cpu()
    return (fall * weights.T).sum(dim=1)


def _by_chance(values: Tensor, labels: Tensor, *, classes: int, seed: int) -> float:
    """The |rho|, best over classes, that 99 of 100 units reach at most where the labels say nothing."""
    generator = torch_generator(seed, "usefulness/permutation")
    found = [
        one_against_rest(values, labels[torch.randperm(len(labels), generator=generator)], classes=classes)[0]
        for _ in range(PERMUTATIONS)
    ]
    return float(torch.cat(found).abs().amax(dim=1).quantile(0.99))
