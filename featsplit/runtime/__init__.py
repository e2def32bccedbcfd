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
from featsplit.runtime.ranks import ALONE, Ranks, ranks_now, together

__all__ = [
    "ALONE",
    "CPU",
    "Frozen",
    "Machine",
    "Precision",
    "Ranks",
    "accuracy",
    "arrange",
    "batches",
    "check_precision",
    "frozen",
    "layout",
    "mixed",
    "placed",
    "predict",
    "ranks_now",
    "resolve_device",
    "together",
    "usual_batch",
]
