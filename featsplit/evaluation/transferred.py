"""What one network's adversarial examples do to others (arXiv:1905.02175, section 3.3, Figures 3 and 13)."""

from collections.abc import Mapping

import torch
from torch import Tensor

from featsplit.attacks import pgd
from featsplit.data.images import Split
from featsplit.evaluation.attack import Attack, Row
from featsplit.geometry import Norm
from featsplit.models.classifier import Classifier
from featsplit.optimize import DRAFT
from featsplit.progress import progress
from featsplit.runtime import Precision, batches, frozen, usual_batch


def accuracy_transferred(
    source: Classifier,
    others: Mapping[str, Classifier],
    split: Split,
    *,
    targeted: bool,
    norm: Norm,
    eps: float,
    steps: int,
    step_size: float,
    device: torch.device | str = "cpu",
    precision: Precision = "auto",
) -> dict[str, Row]:
    """For each of `others`: how it reads those PGD examples of `source` that fool `source`.

    Untargeted: `accuracy` is the share that it still reads rightly, and one less it the transfer rate. `targeted`, to
    the class after the label: `accuracy` is the share that it reads as that class, the targeted transfer rate. Of each
    network's examples only those count, `n`, whose clean image both it and `source` read rightly; a network without any
    is left out.
    """
    network = frozen(source, device, precision=precision)
    judges = {name: frozen(model, device) for name, model in others.items()}
    aims = (split.labels + 1) % source.classes if targeted else split.labels
    counted, read = dict.fromkeys(others, 0), dict.fromkeys(others, 0)
    for rows in progress(batches(len(split), usual_batch(device, source.shape)), "transfer"):
        inputs, labels, aim = (part.to(device) for part in (split.inputs(rows), split.labels[rows], aims[rows]))
        attacked = pgd(
            network, inputs, aim, norm=norm, eps=eps, steps=steps, step_size=step_size, targeted=targeted, draft=DRAFT
        )
        fooled = (_read(network, attacked) == aim) == targeted
        for name, judge in judges.items():
            fair = fooled & (_read(network, inputs) == labels) & (_read(judge, inputs) == labels)
            counted[name] += int(fair.sum())
            read[name] += int((fair & (_read(judge, attacked) == aim)).sum())
    return {
        name: {
            **Attack("pgd", norm, eps, steps, step_size).fields(),
            "n": counted[name],
            "accuracy": read[name] / counted[name],
        }
        for name in others
        if counted[name]
    }


def _read(network: Classifier, inputs: Tensor) -> Tensor:
    with torch.no_grad():
        return network.logits(inputs).argmax(1)
