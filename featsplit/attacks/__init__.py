"""Attacks on a classifier: plain functions `attack(network, inputs, labels, *, norm, eps, ...) -> inputs`.

A budget attack returns the strongest inputs that it finds inside the ball of (norm, eps). A minimum-norm attack has no
eps and returns the `Nearest` that it finds, with their distances. A new attack is one file, or a function in `budget`,
and a line here.
"""

from featsplit.attacks.budget import bim, fgsm, kurakin_steps, least_likely, pgd
from featsplit.attacks.carlini_wagner_l0 import carlini_wagner_l0
from featsplit.attacks.carlini_wagner_l2 import carlini_wagner_l2
from featsplit.attacks.carlini_wagner_linf import carlini_wagner_linf
from featsplit.attacks.closest import closest
from featsplit.attacks.deepfool import deepfool
from featsplit.attacks.jsma import jsma
from featsplit.attacks.least_eps import least_eps_bim, least_eps_fgsm
from featsplit.attacks.named import find
from featsplit.attacks.nearest import Nearest
from featsplit.attacks.objectives import Network, classification, cross_entropy, margin
from featsplit.attacks.rounding import Rounded, rounded
from featsplit.attacks.sparse import sparse
from featsplit.attacks.szegedy import szegedy_lbfgs
from featsplit.records.evaluation import LOSSES, Loss

__all__ = [
    "LOSSES",
    "Loss",
    "Nearest",
    "Network",
    "Rounded",
    "bim",
    "carlini_wagner_l0",
    "carlini_wagner_l2",
    "carlini_wagner_linf",
    "classification",
    "closest",
    "cross_entropy",
    "deepfool",
    "fgsm",
    "find",
    "jsma",
    "kurakin_steps",
    "least_eps_bim",
    "least_eps_fgsm",
    "least_likely",
    "margin",
    "pgd",
    "rounded",
    "sparse",
    "szegedy_lbfgs",
]
