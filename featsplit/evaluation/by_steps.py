"""Accuracy against the number of PGD steps, to see whether an attack has gone as far as it can.

The paper's Figure 8 (arXiv:1905.02175, appendix D.1): the step size is searched for each number of steps. With a fixed
step size the first k steps of a long attack are the attack with k steps, so one long attack gives its whole curve.
"""

from dataclasses import replace

import torch
from torch import Tensor

from featsplit.attacks import classification
from featsplit.data.images import Split
from featsplit.descent import Evaluation, descend_in_ball
from featsplit.models.classifier import Classifier
from featsplit.outcomes import packed
from featsplit.progress import progress
from featsplit.records.evaluation import Attack
from featsplit.rows import Row
from featsplit.runtime import CPU, Machine, batches, frozen, predict, usual_batch

COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2500)


def accuracy_by_steps(
    model: Classifier,
    split: Split,
    *,
    attack: Attack,
    relative_step_sizes: tuple[float, ...],
    machine: Machine = CPU,
    title: str = "by steps",
) -> list[Row]:
    """A row for each number of steps in `COUNTS` up to the attack's: the least accuracy over step sizes, and that size.

    `relative_step_sizes` are parts of eps. PGD from the image itself, in float32; an image that is misclassified once
    counts as wrong from then on. `outcomes` in a row says which images still stood.
    """
    network = frozen(model, machine.exact)
    right = (predict(network, split) == split.labels).nonzero()[:, 0]
    counts = [count for count in COUNTS if count < attack.steps] + [attack.steps]
    falls: dict[float, Tensor] = {}
    for relative in relative_step_sizes:
        sized = replace(attack, step_size=relative * attack.eps)
        parts = progress(batches(len(right), usual_batch(machine, model.shape)), f"{title} {attack.loss} {relative:g}")
        won = [_won_after(network, split.take(right[part]), sized) for part in parts]
        falls[relative] = torch.zeros(len(split))  # what is misclassified without an attack has fallen before a step
        falls[relative][right] = torch.cat(won) if won else torch.empty(0)
    rows: list[Row] = []
    for count in counts:
        standing = {relative: fall > count for relative, fall in falls.items()}
        least = min(standing, key=lambda relative: int(standing[relative].sum()))
        best = replace(attack, steps=count, step_size=least * attack.eps)
        accuracy = int(standing[least].sum()) / len(split)
        rows.append({**best.fields(), "n": len(split), "accuracy": accuracy, "outcomes": packed(standing[least])})
    return rows


def _won_after(network: Classifier, split: Split, attack: Attack) -> Tensor:
    """After how many steps of `attack` each image is first misclassified, (N,); infinity where it never is."""
    device = network.mean.device
    inputs, labels = split.inputs().to(device), split.labels.to(device)
    descended = classification(network, labels, until_won=True, loss=attack.loss)
    seen = torch.zeros(len(inputs), device=device)
    won = torch.full_like(seen, torch.inf)

    def objective(current: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        evaluation = descended(current, rows, rough=rough)
        won[rows] = torch.where((evaluation.score.detach() < 0) & won[rows].isinf(), seen[rows], won[rows])
        seen[rows] += 1
        return evaluation

    steps, step_size = attack.plan()
    descend_in_ball(objective, inputs, attack.threat, steps=steps, step_size=step_size, keep="best")
    return won.cpu()
