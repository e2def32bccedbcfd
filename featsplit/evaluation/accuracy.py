"""Accuracy, clean and under attack, as rows that hold every field a number needs.

An image counts as right under an attack only if every restart fails on it (best over restarts for each example), and
accuracy is over the whole test set: an image that is misclassified without an attack counts as wrong.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from featsplit.attacks import bim, fgsm, least_likely, pgd
from featsplit.data.images import Split
from featsplit.evaluation.autoattack import autoattack, check_installed
from featsplit.evaluation.distances import distance_rows
from featsplit.evaluation.seen import Seen, seen
from featsplit.models.classifier import Classifier
from featsplit.outcomes import packed
from featsplit.progress import progress
from featsplit.records.evaluation import Attack
from featsplit.records.minimum_norm import MinimumNorm
from featsplit.rows import Row
from featsplit.runtime import CPU, Machine, Ranks, batches, frozen, usual_batch


def evaluate(
    model: Classifier,
    split: Split,
    attacks: Sequence[Attack | MinimumNorm],
    *,
    seed: int = 0,
    batch_size: int | None = None,
    machine: Machine = CPU,
    title: str = "evaluate",
) -> list[Row]:
    """The accuracy of `model` on `split` under each attack: one row an attack, with the attack's fields, n and seed.

    `outcomes` in a row says which images were predicted rightly, whatever the attack did (see `outcomes.unpacked`). Of
    a minimum-norm attack the rows are those of `distance_rows`.

    Random starts derive from (seed, restart, index), so the result does not depend on `batch_size` (AutoAttack's does:
    it draws for a batch), nor on how many `machine.ranks` share the images. In any precision of the `machine` what
    counts is what the network predicts in float32.
    """
    for attack in attacks:
        attack.check()
        if attack.name == "autoattack":
            check_installed("attack.name")
    network, size = frozen(model, machine), batch_size or usual_batch(machine, model.shape)
    clean, rows = _predicted(network, split), list[Row]()
    for attack in attacks:
        if isinstance(attack, MinimumNorm):
            rows += distance_rows(model, split, attack, seed=seed, batch_size=batch_size, machine=machine, title=title)
            continue
        at_last = (
            clean
            if attack.name == "none"
            else _attacked(network, split, clean, attack, seed, size, title, machine.ranks)
        )
        accuracy, fields = float(at_last.right.float().mean()), at_last.fields(model.classes)
        first: Row = {**attack.fields(), "n": len(split), "seed": seed, "accuracy": accuracy}
        rows.append({**first, **fields, "outcomes": packed(at_last.right)})
    return rows


def _predicted(network: Classifier, split: Split) -> Seen:
    """What `network` says of the images as they are."""
    device = network.mean.device
    parts = [
        seen(network, split.inputs(rows).to(device), split.labels[rows].to(device)) for rows in batches(len(split), 500)
    ]
    return Seen(*map(torch.cat, zip(*parts, strict=True)))


def _attacked(
    network: Classifier,
    split: Split,
    clean: Seen,
    attack: Attack,
    seed: int,
    batch_size: int,
    title: str,
    ranks: Ranks,
) -> Seen:
    """What `network` says after every restart; only the images that are still right are attacked again."""
    found, device = Seen(*(values.clone() for values in clean)), network.mean.device
    for restart in range(attack.restarts):
        standing = found.right.nonzero()[:, 0]
        own = ranks.own(standing)
        for batch in progress(batches(len(own), batch_size), f"{title} {attack.name} {attack.eps:g}"):
            rows = own[batch]
            inputs, labels = split.inputs(rows).to(device), split.labels[rows].to(device)
            offsets = _offsets(rows, network.shape, attack, seed, restart)
            attacked = _run(network, inputs, labels, attack, offsets, seed=seed)
            for values, now in zip(found, seen(network, attacked, labels), strict=True):
                values[rows] = now
        ranks.joined(found, standing, own)
    return found


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
    if attack.name == "least-likely":
        return least_likely(network, inputs, norm=norm, eps=eps, steps=steps, step_size=step_size)
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
