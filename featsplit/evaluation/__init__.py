"""What a network is worth: accuracy, clean and under attack; by the number of steps; and on another's examples."""

from featsplit.evaluation.accuracy import evaluate
from featsplit.evaluation.autoattack import check_installed
from featsplit.evaluation.by_steps import accuracy_by_steps
from featsplit.evaluation.layers import LayerRow, layer_robustness
from featsplit.evaluation.leakage import leaked_accuracy
from featsplit.evaluation.transferred import accuracy_transferred
from featsplit.evaluation.usefulness import UnitRow, usefulness
from featsplit.records.evaluation import ATTACKS, Attack, AttackName, Probe
from featsplit.rows import Row

__all__ = [
    "ATTACKS",
    "Attack",
    "AttackName",
    "LayerRow",
    "Probe",
    "Row",
    "UnitRow",
    "accuracy_by_steps",
    "accuracy_transferred",
    "check_installed",
    "evaluate",
    "layer_robustness",
    "leaked_accuracy",
    "usefulness",
]
