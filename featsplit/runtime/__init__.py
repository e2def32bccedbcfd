"""All that depends on the machine, and nothing else does: devices, precision, a network prepared for it, prediction."""

from featsplit.records.machine import Precision, check_precision
from featsplit.runtime.frozen import Frozen, frozen
from featsplit.runtime.machine import (
    CPU,
    Machine,
    arrange,
    layout,
    mixed,
    placed,
    resolve_device,
)
from featsplit.runtime.predict import accuracy, batches, predict, usual_batch

__all__ = [
    "CPU",
    "Frozen",
    "Machine",
    "Precision",
    "accuracy",
    "arrange",
    "batches",
    "check_precision",
    "frozen",
    "layout",
    "mixed",
    "placed",
    "predict",
    "resolve_device",
    "usual_batch",
]
