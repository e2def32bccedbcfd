"""What a reader of a run must know about its settings before the numbers."""

from featsplit.experiment.settings import Experiment

PLATEAU = 60
"""Epochs that D_rand needs at the paper's rate: it stays near chance for about 30, then learns (Figure 10)."""


def notes(experiment: Experiment) -> list[str]:
    """Sentences on settings that make a run say less than it seems to, or other than the paper."""
    found, rand = [], experiment.train.rand
    if rand.epochs < PLATEAU:
        found.append(
            f"D_rand's schedule here, {rand.epochs} epochs at a rate of {rand.lr:g}, is too short for the paper's "
            "setting (rate 0.01, about 150 epochs: near chance for 30 of them, then it learns): not the same "
            "experiment."
        )
    if experiment.train.det.augment:
        found.append("D_det is trained with augmentation here; the paper's is not.")
    return found
