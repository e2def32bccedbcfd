"""Adversarial accuracy against foolbox's PGD on the same trained network, step for step the same settings."""

import importlib
import warnings
from typing import Any

import pytest

from featsplit.data.images import ImageData
from featsplit.evaluation import Attack, evaluate
from featsplit.geometry import Norm
from featsplit.models import Classifier


def foolbox() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports from scipy.ndimage.filters
        return importlib.import_module("foolbox")


def foolbox_accuracy(model: Classifier, data: ImageData, attack: Attack) -> float:
    """The share of the test images that foolbox's PGD, started at the image itself, leaves predicted rightly."""
    fb = foolbox()
    kind = "L2ProjectedGradientDescentAttack" if attack.norm == "l2" else "LinfProjectedGradientDescentAttack"
    pgd = getattr(fb.attacks, kind)(abs_stepsize=attack.plan()[1], steps=attack.steps, random_start=False)
    network = fb.PyTorchModel(model.eval(), bounds=(0, 1), device="cpu")
    _, _, won = pgd(network, data.test.inputs(), data.test.labels, epsilons=attack.eps)
    return 1 - float(won.float().mean())


@pytest.mark.parametrize(("norm", "eps"), [("l2", 0.3), ("l2", 0.5), ("linf", 0.04), ("linf", 0.1)])
def test_accuracy_under_pgd_is_that_of_foolbox(standard: Classifier, digits: ImageData, norm: Norm, eps: float) -> None:
    attack = Attack("pgd", norm=norm, eps=eps, steps=10)
    (clean, ours) = (row["accuracy"] for row in evaluate(standard, digits.test, [Attack(), attack]))
    theirs = foolbox_accuracy(standard, digits, attack)
    assert ours == pytest.approx(theirs, abs=0.0101), "at most one point; we keep the best iterate, foolbox the last"
    assert clean - 0.05 > ours > 0.02, "the attack is felt, and not the end of it"
