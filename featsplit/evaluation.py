"""Accuracy, clean and under attack, as rows that hold every field a number needs.

An image counts as right under an attack only if every restart fails on it (best over restarts for each example), and
accuracy is over the whole test set: an image that is misread without an attack counts as wrong.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from featsplit.attacks import bim, fgsm, pgd
from featsplit.data.images import Split
from featsplit.errors import FeatsplitError, check_count, check_positive, unknown
from featsplit.geometry import Norm, check_threat, random_offsets
from featsplit.models.classifier import Classifier
from featsplit.optimize import DRAFT
from featsplit.progress import progress
from featsplit.runtime import Precision, batches, frozen, predict, usual_batch

AttackName = Literal["none", "fgsm", "bim", "pgd"]
ATTACKS: tuple[AttackName, ...] = get_args(AttackName)
Row = dict[str, Any]


@dataclass(frozen=True)
class Attack:
    """An attack to evaluate under; "none" is clean accuracy.

    `step_size` None: 2.5 eps / steps, never more than eps. The first PGD run starts at the image itself, each of the
    `restarts` - 1 others at a uniform point of the ball.
    """

    name: AttackName = "none"
    norm: Norm = "l2"
    eps: float = 0.0
    steps: int = 20
    step_size: float | None = None
    restarts: int = 1

    def check(self, place: str = "attack") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        if self.name not in ATTACKS:
            raise unknown(f"{place}.name", self.name, ATTACKS)
        check_threat(place, self.norm, self.eps)
        for name in ("steps", "restarts"):
            check_count(f"{place}.{name}", getattr(self, name))
        check_positive(f"{place}.step_size", 1.0 if self.step_size is None else self.step_size)
        if self.restarts > 1 and self.name != "pgd":
            raise FeatsplitError(f'{place}.restarts = {self.restarts}: only "pgd" has restarts')

    @property
    def stride(self) -> float:
        """The step size as it is run."""
        return self.step_size or min(self.eps, 2.5 * self.eps / self.steps)

    def fields(self) -> Row:
        """The fields of a row that say which attack it was; None where one has no meaning."""
        if self.name == "none":
            return dict.fromkeys(("norm", "eps", "steps", "step_size", "restarts")) | {"attack": "none"}
        iterated = self.name != "fgsm"
        return {
            "attack": self.name,
            "norm": self.norm,
            "eps": self.eps,
            "steps": self.steps if iterated else 1,
            "step_size": self.stride if iterated else self.eps,
            "restarts": self.restarts,
        }


def evaluate(
    model: Classifier,
    split: Split,
    attacks: list[Attack],
    *,
    seed: int = 0,
    batch_size: int | None = None,
    device: torch.device | str = "cpu",
    precision: Precision = "auto",
    title: str = "evaluate",
) -> list[Row]:
    """The accuracy of `model` on `split` under each attack: one row an attack, with the attack's fields, n and seed.

    Random starts derive from (seed, restart, index), so the result does not depend on `batch_size`. In any `precision`
    what counts as read is what the network reads in float32.
    """
    for attack in attacks:
        attack.check()
    network, size = frozen(model, device, precision=precision), batch_size or usual_batch(device, model.shape)
    right = predict(network, split) == split.labels
    rows = []
    for attack in attacks:
        held = right if attack.name == "none" else _survivors(network, split, right, attack, seed, size, title)
        rows.append({**attack.fields(), "n": len(split), "seed": seed, "accuracy": float(held.float().mean())})
    return rows


def _survivors(
    network: Classifier, split: Split, right: Tensor, attack: Attack, seed: int, batch_size: int, title: str
) -> Tensor:
    """Which images are read rightly after every restart, (N,) bool; only those still right are attacked again."""
    held, device = right.clone(), network.mean.device
    for restart in range(attack.restarts):
        standing = held.nonzero()[:, 0]
        for batch in progress(batches(len(standing), batch_size), f"{title} {attack.name} {attack.eps:g}"):
            rows = standing[batch]
            inputs, labels = split.inputs(rows).to(device), split.labels[rows].to(device)
            attacked = _run(network, inputs, labels, attack, _offsets(rows, network.shape, attack, seed, restart))
            with torch.no_grad():
                held[rows] = (network(attacked).argmax(1) == labels).cpu()
    return held


def _offsets(rows: Tensor, shape: tuple[int, int, int], attack: Attack, seed: int, restart: int) -> Tensor | None:
    if restart == 0:
        return None
    stage = f"evaluate/restart/{restart}"
    return random_offsets(rows, shape, norm=attack.norm, eps=attack.eps, seed=seed, stage=stage)


def _run(network: Classifier, inputs: Tensor, labels: Tensor, attack: Attack, offsets: Tensor | None) -> Tensor:
    norm, eps, steps, step_size = attack.norm, attack.eps, attack.steps, attack.stride
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
        draft=DRAFT,
    )
