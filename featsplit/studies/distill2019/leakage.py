"""What leaks through robust features (Goh 2019): the linear network whose logits these are, and what they teach.

By `featsplit leakage` and in a run alike.
"""

from collections.abc import Mapping
from dataclasses import replace

from featsplit.data.images import ImageData, Split
from featsplit.evaluation import Attack, leaked_accuracy
from featsplit.geometry import Threat
from featsplit.models.classifier import Classifier
from featsplit.records.training import LEAKAGE, Adversary, Recipe
from featsplit.rows import Row


def linear_recipe(threat: Threat, epochs: int = LEAKAGE.epochs) -> Recipe:
    """How the linear network is trained, adversarially within `threat`, that of the perturbed sets, and unaugmented."""
    adversary = Adversary("pgd", threat.norm, threat.eps, steps=3)
    return replace(LEAKAGE, epochs=epochs, adversary=adversary)


def leaked_rows(linear: Classifier, data: ImageData, sets: Mapping[str, Split], *, seed: int) -> list[Row]:
    """What a linear classifier on the logits of `linear` learns of the true labels, from the source and each of `sets`.

    The source itself comes first: all that these features can tell.
    """
    first: Row = {"experiment": "leakage", "training": "linear", "architecture": "linear", "test_set": "source"}
    first = {**first, **Attack().fields(), "n": len(data.test), "seed": seed}
    return [
        {**first, "train_set": name, "accuracy": leaked_accuracy(linear, split, data.test)}
        for name, split in {"source": data.train, **sets}.items()
    ]
