"""One loop, `minimize`, and its step rules: PGD, adversarial training and representation matching are all this descent.

A step rule is a frozen record in `records.rules`, with `check(place)` and `sized(shape)`, and one file here with the
`Move` that the loop asks, which `begin` gives.
"""

from featsplit.descent.in_ball import descend_in_ball
from featsplit.descent.minimize import ROUGH, Evaluation, Objective, Projection, Result, minimize
from featsplit.descent.move import Move, begin
from featsplit.records.rules import LBFGS, RULES, Momentum, Normalised, RuleName, StepRule, rule_from

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
    "begin",
    "descend_in_ball",
    "minimize",
    "rule_from",
]
