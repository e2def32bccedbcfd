"""The step rules, and what a file says of one."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal

from featsplit.descent.lbfgs import LBFGS
from featsplit.descent.momentum import Momentum
from featsplit.descent.normalised import Normalised
from featsplit.errors import unknown

StepRule = Normalised | Momentum | LBFGS
RuleName = Literal["normalised", "momentum", "lbfgs"]
RULES: dict[RuleName, type[StepRule]] = {"normalised": Normalised, "momentum": Momentum, "lbfgs": LBFGS}


def rule_from(metadata: Mapping[str, Any], place: str = "rule") -> StepRule:
    """The rule that a file tells of as `metadata`, its `name` and fields; also as versions up to 0.1.0 wrote it.

    There one record held the fields of all rules, and "normalised" was called "paper".
    Raises FeatsplitError at `place` for a name that no version knew.
    """
    name = "normalised" if metadata["name"] == "paper" else metadata["name"]
    kind = next((kind for known, kind in RULES.items() if known == name), None)
    if kind is None:
        raise unknown(f"{place}.name", str(name), RULES)
    own = {field.name for field in fields(kind) if field.init}
    values: dict[str, Any] = {
        key: tuple(value) if key == "box" else value for key, value in metadata.items() if key in own
    }
    return kind(**values)
