"""AutoAttack at the median distance that `closest` found: is accuracy left there what the distances say?"""

import json
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.minimal.networks import CACHE, Subject
from featsplit.evaluation.autoattack import autoattack
from featsplit.geometry import Norm
from featsplit.models.checkpoints import load_model, state_digest


class Check(NamedTuple):
    """The accuracy at `eps` that distances leave, and that AutoAttack leaves."""

    eps: float
    distances: float
    autoattack: float


def check(subject: Subject, far: Tensor, norm: Norm) -> Check:
    """AutoAttack on all images of `subject`, at the median of the distances `far` (N,) of those read rightly.

    The same question is not asked twice: the answer is kept.
    """
    network, eps = load_model(subject.path).requires_grad_(False), float(far[far > 0].median())
    path = CACHE / f"{state_digest(network)[:16]}-{len(far)}-{norm}-{eps:.8g}-autoattack.json"
    if not path.is_file():
        inputs, labels = subject.inputs.contiguous(), subject.labels
        attacked = autoattack(network, inputs, labels, norm=norm, eps=eps)
        with torch.no_grad():
            held = network(attacked).argmax(dim=1) == labels
        path.write_text(json.dumps(float(held.float().mean())))
    return Check(eps, float((far > eps).float().mean()), json.loads(path.read_text()))
