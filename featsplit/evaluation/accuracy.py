"""Accuracy, clean and under attack, as rows that hold every field a number needs.

An image counts as right under an attack only if every restart fails on it (best over restarts for each example), and
accuracy is over the whole test set: an image that is misclassified without an attack counts as wrong.
"""

import torch
from torch import Tensor

from featsplit.attacks import bim, fgsm, pgd
from featsplit.data.images import Split
from featsplit.evaluation.autoattack import autoattack, check_installed
from featsplit.models.classifier import Classifier
from featsplit.outcomes import packed
from featsplit.progress import progress
from featsplit.records.evaluation import Attack
from featsplit.rows import Row
from featsplit.runtime import CPU, Machine, batches, frozen, predict, usual_batch


def evaluate(
    model: Classifier,
    split: Split,
    attacks: list[Attack],
    *,
    seed: int = 0,
    batch_size: int | None = None,
    machine: Machine = CPU,
    title: str = "evaluate",
) -> list[Row]:
    """The accuracy of `model` on `split` under each attack: one row an attack, with the attack's fields, n and seed.

    `outcomes` in a row says which images were predicted rightly, whatever the attack did (see `outcomes.unpacked`).

    Random starts derive from (seed, restart, index), so the result does not depend on `batch_size` (AutoAttack's does:
    it draws for a batch). In any precision of the `machine` what counts is what the network predicts in float32.
    """
    for attack in attacks:
        attack.check()
        if attack.name == "autoattack":
            check_installed("attack.name")
    network, size = frozen(model, machine), batch_size or usual_batch(machine, model.shape)
    right = predict(network, split) == split.labels
    rows: list[Row] = []
    for attack in attacks:
        held = right if attack.name == "none" else _survivors(network, split, right, attack, seed, size, title)
        accuracy = float(held.float().mean())
        rows.append({**attack.fields(), "n": len(split), "seed": seed, "accuracy": accuracy, "outcomes": packed(held)})
    return rows


def _survivors(
    network: Classifier, split: Split, right: Tensor, attack: Attack, seed: int, batch_size: int, title: str
) -> Tensor:
    """Which images are predicted rightly after every restart, (N,) bool; only those still right are attacked again."""
    held, device = right.clone(), network.mean.device
    for restart in range(attack.restarts):
        standing = held.nonzero()[:, 0]
        for batch in progress(batches(len(standing), batch_size), f"{title} {attack.name} {attack.eps:g}"):
            rows = standing[batch]
            inputs, labels = split.inputs(rows).to(device), split.labels[rows].to(device)
            offsets = _offsets(rows, network.shape, attack, seed, restart)
            attacked = _run(network, inputs, labels, attack, offsets, seed=seed)
            with torch.no_grad():
                held[rows] = (network(attacked).argmax(1) == labels).cpu()
    return held


def _offsets(rows: Tensor, shape: tuple[int, int, int], attack: Attack, seed: int, restart: int) -> Tensor | None:
    if restart == 0:
        return None
    return attack.threat.random_offsets(rows, shape, seed=seed, stage=f"evaluate/restart/{restart}")


def _run(
    network: Classifier, inputs: Tensor, labels: Tensor, attack: Attack, offsets: Tensor | None, *, seed: int
) -> Tensor:
    norm, eps, (steps, step_size) = attack.norm, attack.eps, attack.plan()
    if attack.name == "autoattack":
        return autoattack(network, inputs, labels, norm=norm, eps=eps, seed=seed)
    if attack.name == "fgsm":
        return fgsm(network, inputs, labels, norm=norm, eps=eps)
    if attack.name == "bim":
        return bim(network, inputs, labels, norm=norm, eps=eps, steps=steps, step_size=step_size)
    offsets = None if offsets is None else offsets.to(inputs.device)
    return pgd(
        network,
        inputs,
        labels,
        norm=norm,
        eps=eps,
        steps=steps,
        step_size=step_size,
        offsets=offsets,
        until_won=True,
        loss=attack.loss,
        rough=1.0,  # what it finds is predicted in full all the same
    )
