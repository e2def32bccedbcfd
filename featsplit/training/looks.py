"""How a network is looked at while it is trained: on the test images, clean and in some epochs under attack."""

import math
from collections.abc import Mapping

import torch

from featsplit.attacks import pgd
from featsplit.data.images import ImageData, Split
from featsplit.data.selection import limit_split
from featsplit.models.classifier import Classifier
from featsplit.records.evaluation import Attack, Probe
from featsplit.runtime import CPU, Machine, accuracy, batches, frozen, usual_batch

LOOKS = 10
"""In how many epochs at most, beside the first, a network is attacked that is trained with a probe."""


def is_looked_at(epoch: int, epochs: int) -> bool:
    """Whether `epoch`, from 0, is the first, or one of at most `LOOKS`, as far apart as each other, up to the last."""
    return epoch == 0 or (epochs - 1 - epoch) % math.ceil(epochs / LOOKS) == 0


def looked_at(model: Classifier, data: ImageData, probe: Probe | None, machine: Machine = CPU) -> dict[str, float]:
    """What `model` is worth on the test images of `data`, where there are any: test_accuracy, and attacked_accuracy.

    The latter under PGD from the images that the `probe` chooses, where one is given. The model stays as it is.
    """
    if not len(data.test):
        return {}
    clean = {"test_accuracy": accuracy(model, data.test, ranks=machine.ranks)}
    return clean if probe is None else {"attacked_accuracy": _under_attack(model, data, probe, machine), **clean}


def counts_of(data: ImageData, probe: Probe | None) -> Mapping[str, int]:
    """Of how many images each accuracy of a history is, by its name."""
    attacked = 0 if probe is None else len(_chosen(data, probe))
    counts = {"train_accuracy": len(data.train), "test_accuracy": len(data.test), "attacked_accuracy": attacked}
    return {name: count for name, count in counts.items() if count}


def _chosen(data: ImageData, probe: Probe) -> Split:
    """The test images that the `probe` chooses: the same in every epoch, at least one of each class."""
    classes = len(data.classes)
    return limit_split(data.test, max(probe.images, classes), classes=classes, seed=0, place="probe.images")


def _under_attack(model: Classifier, data: ImageData, probe: Probe, machine: Machine) -> float:
    """The share that is predicted rightly; each of the ranks attacks its own part."""
    split, attack, network = _chosen(data, probe), probe.attack(), frozen(model, machine)
    own, right = machine.ranks.own(torch.arange(len(split))), torch.zeros((), device=machine.device)
    for part in batches(len(own), usual_batch(machine, model.shape)):
        right += _withstood(network, split.take(own[part]), attack, machine)
    return float(machine.ranks.summed(right)) / len(split)


def _withstood(network: Classifier, split: Split, attack: Attack, machine: Machine) -> torch.Tensor:
    """How many images `network` predicts rightly under `attack`."""
    inputs, labels = split.inputs().to(machine.device), split.labels.to(machine.device)
    norm, eps, (steps, step_size) = attack.norm, attack.eps, attack.plan()
    attacked = pgd(
        network, inputs, labels, norm=norm, eps=eps, steps=steps, step_size=step_size, until_won=True, rough=1.0
    )
    with torch.no_grad():
        right: torch.Tensor = (network(attacked).argmax(1) == labels).sum()
    return right
