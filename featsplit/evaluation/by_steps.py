"""Accuracy against the number of PGD steps, to see whether an attack has gone as far as it can.

The paper's Figure 8 (arXiv:1905.02175, appendix D.1): the step size is searched for each number of steps. With a fixed
step size the first k steps of a long attack are the attack with k steps, so one long attack gives its whole curve.
"""

import torch
from torch import Tensor

from featsplit.attacks import Loss, classification
from featsplit.data.images import Split
from featsplit.evaluation.attack import Attack, Row
from featsplit.evaluation.outcomes import packed
from featsplit.geometry import Norm, ball
from featsplit.models.classifier import Classifier
from featsplit.optimize import Evaluation, minimize
from featsplit.progress import progress
from featsplit.rules import StepRule
from featsplit.runtime import batches, frozen, predict, usual_batch

COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2500)


def accuracy_by_steps(
    model: Classifier,
    split: Split,
    *,
    norm: Norm,
    eps: float,
    steps: int,
    strides: tuple[float, ...],
    loss: Loss = "cross-entropy",
    device: torch.device | str = "cpu",
    title: str = "by steps",
) -> list[Row]:
    """A row for each number of steps in `COUNTS` up to `steps`: the least accuracy over the step sizes, and that size.

    `strides` are the step sizes as parts of eps. PGD from the image itself, in float32; an image that is misread once
    counts as wrong from then on. `outcomes` in a row says which images still stood.
    """
    network = frozen(model, device, precision="float32")
    right = (predict(network, split) == split.labels).nonzero()[:, 0]
    counts = [count for count in COUNTS if count < steps] + [steps]
    falls: dict[float, Tensor] = {}
    for stride in strides:
        plan = StepRule("paper", stride * eps, norm)
        parts = progress(batches(len(right), usual_batch(device, model.shape)), f"{title} {loss} {stride:g}")
        won = [_won_after(network, split.take(right[part]), plan, eps, steps, loss) for part in parts]
        falls[stride] = torch.zeros(len(split))  # an image that is misread without an attack has fallen before a step
        falls[stride][right] = torch.cat(won) if won else torch.empty(0)
    rows = []
    for count in counts:
        standing = {stride: fall > count for stride, fall in falls.items()}
        stride = min(standing, key=lambda each: int(standing[each].sum()))
        attack = Attack("pgd", norm, eps, count, stride * eps, loss=loss)
        found = {"accuracy": int(standing[stride].sum()) / len(split), "outcomes": packed(standing[stride])}
        rows.append({**attack.fields(), "n": len(split), **found})
    return rows


def _won_after(network: Classifier, split: Split, plan: StepRule, eps: float, steps: int, loss: Loss) -> Tensor:
    """After how many of `steps` steps each image is first misread, (N,); infinity where it never is."""
    device = network.mean.device
    inputs, labels = split.inputs().to(device), split.labels.to(device)
    attack = classification(network, labels, until_won=True, loss=loss)
    seen = torch.zeros(len(inputs), device=device)
    won = torch.full_like(seen, torch.inf)

    def objective(current: Tensor, rows: Tensor) -> Evaluation:
        found = attack(current, rows)
        won[rows] = torch.where((found.score.detach() < 0) & won[rows].isinf(), seen[rows], won[rows])
        seen[rows] += 1
        return found

    minimize(objective, inputs, steps=steps, rule=plan, project=ball(inputs, plan.norm, eps), keep="best")
    return won.cpu()
