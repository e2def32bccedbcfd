"""One loop, `minimize`, and its step rules: PGD, adversarial training and representation matching are all this descent.

A step rule is one file and one frozen record, with `check(place)`, `sized(shape)` and `begin(shape, steps)`, which
gives the `Move` that the loop asks; it joins the union and the table in `rules`.
"""

from featsplit.descent.in_ball import descend_in_ball
from featsplit.descent.lbfgs import LBFGS
from featsplit.descent.minimize import ROUGH, Evaluation, Objective, Projection, Result, minimize
from featsplit.descent.momentum import Momentum
from featsplit.descent.move import Move
from featsplit.descent.normalised import Normalised
from featsplit.descent.rules import RULES, RuleName, StepRule, rule_from

__all__ = [
    "LBFGS",
    "ROUGH",
    "RULES",
    "Evaluation",
    "Momentum",
    "Move",
    "Normalised",
    "Objective",
    "Projection",
    "Result",
    "RuleName",
    "StepRule",
    "descend_in_ball",
    "minimize",
    "rule_from",
]
