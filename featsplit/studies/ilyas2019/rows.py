"""The rows that this study has besides accuracies, and the order in which its networks are shown."""

from collections.abc import Sequence
from typing import TypeVar

from featsplit.metadata.derived_sets import DERIVED_SETS
from featsplit.rows import Row


class PlantedRow(Row, total=False):
    """What a set of planted data kept of a `component`: the share `kept`, with its standard `error`."""

    component: str
    kept: float
    error: float


R = TypeVar("R", bound=Row)
NETWORKS = (("source", "standard"), ("source", "adversarial"), *((name, "standard") for name in DERIVED_SETS))


def in_order(rows: Sequence[R]) -> list[R]:
    """The rows in the order in which their networks are shown: those of the source, then by `DERIVED_SETS`."""
    rank = {network: place for place, network in enumerate(NETWORKS)}
    return sorted(rows, key=lambda row: rank.get((row["train_set"], row["training"]), len(rank)))
