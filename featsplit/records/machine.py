"""How exactly networks are run."""

from typing import Literal, get_args

from featsplit.errors import unknown

Precision = Literal["auto", "float32", "bfloat16"]


def check_precision(place: str, precision: str) -> None:
    """Raise FeatsplitError where `precision` is no `Precision`."""
    if precision not in get_args(Precision):
        raise unknown(place, precision, get_args(Precision))
