"""Attacks on a classifier: plain functions `attack(network, inputs, labels, *, norm, eps, ...) -> inputs`.

A budget attack returns the strongest inputs that it finds inside the ball of (norm, eps). A new attack is one file, or
a function in `budget`, and a line here.
"""

from featsplit.attacks.budget import bim, fgsm, least_likely, pgd
from featsplit.attacks.objectives import Network, classification, cross_entropy, margin
from featsplit.records.evaluation import LOSSES, Loss

__all__ = [
    "LOSSES",
    "Loss",
    "Network",
    "bim",
    "classification",
    "cross_entropy",
    "fgsm",
    "least_likely",
    "margin",
    "pgd",
]
