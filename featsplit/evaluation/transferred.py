"""What one network's adversarial examples do to others (arXiv:1905.02175, section 3.3, Figures 3 and 13)."""

from collections.abc import Mapping

import torch
from torch import Tensor

from featsplit.attacks import classification
from featsplit.data.images import Split
from featsplit.descent import ROUGH, descend_in_ball
from featsplit.models.classifier import Classifier
from featsplit.progress import progress
from featsplit.records.evaluation import Attack
from featsplit.rows import Row
from featsplit.runtime import CPU, Machine, batches, frozen, usual_batch


def accuracy_transferred(
    source: Classifier,
    others: Mapping[str, Classifier],
    split: Split,
    *,
    attack: Attack,
    targeted: bool,
    machine: Machine = CPU,
) -> dict[str, Row]:
    """For each of `others`: what it predicts of those examples of `source` by PGD, the `attack`, that fool it.

    Untargeted: `accuracy` is the share that it still predicts rightly, and one less it the transfer rate. `targeted`,
    to the class after the label: `accuracy` is the share predicted as that class, the targeted transfer rate. Of each
    network's examples only those count, `n`, whose clean image both it and `source` predict rightly; a network without
    any is left out.
    """
    network = frozen(source, machine)
    networks = {name: frozen(model, Machine(machine.device)) for name, model in others.items()}
    steps, step_size = attack.plan()
    aims = (split.labels + 1) % source.classes if targeted else split.labels
    counted, agreeing = dict.fromkeys(others, 0), dict.fromkeys(others, 0)
    for rows in progress(batches(len(split), usual_batch(machine, source.shape)), "transfer"):
        inputs, labels, aim = (part.to(machine.device) for part in (split.inputs(rows), split.labels[rows], aims[rows]))
        attacked = descend_in_ball(
            classification(network, aim, targeted=targeted),
            inputs,
            attack.threat,
            steps=steps,
            step_size=step_size,
            keep="best",
            rough=ROUGH,
        )
        fooled = (_predicted(network, attacked) == aim) == targeted
        for name, other in networks.items():
            fair = fooled & (_predicted(network, inputs) == labels) & (_predicted(other, inputs) == labels)
            counted[name] += int(fair.sum())
            agreeing[name] += int((fair & (_predicted(other, attacked) == aim)).sum())
    return {
        name: {
            **attack.fields(),
            "n": counted[name],
            "accuracy": agreeing[name] / counted[name],
        }
        for name in others
        if counted[name]
    }


def _predicted(network: Classifier, inputs: Tensor) -> Tensor:
    with torch.no_grad():
        return network.logits(inputs).argmax(1)
