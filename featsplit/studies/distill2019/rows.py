"""The rows of an audit among others: of units and of layers."""

from collections.abc import Sequence
from typing import Any, cast

from featsplit.evaluation import LayerRow, UnitRow
from featsplit.report.rows import picked


def units_of(rows: Sequence[Any]) -> list[UnitRow]:
    """The rows of units and logits."""
    return cast(list[UnitRow], picked(rows, experiment="audit"))


def layers_of(rows: Sequence[Any]) -> list[LayerRow]:
    """The rows of layers."""
    return cast(list[LayerRow], picked(rows, experiment="layers"))
