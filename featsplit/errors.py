"""The one error that a user sees: the place as they wrote it, the value, the rule and the cure; and the one warning."""

import warnings
from collections.abc import Iterable
from difflib import get_close_matches


class FeatsplitError(Exception):
    """Something that the user can mend; the command line prints its message in one line and exits with status 2."""


class ProcessDiedError(FeatsplitError):
    """A process that did part of the work was killed: what it did is kept, and the same again may end well."""


class FeatsplitWarning(UserWarning):
    """Something that a user should know of a result; the command line prints it in one line."""


def warn(message: str) -> None:
    """Say `message`, one line with the number, the cause and the cure, once."""
    warnings.warn(message, FeatsplitWarning, stacklevel=2)


MOST = 2**31 - 1
"""The greatest count: what 32 bits hold."""


def check_count(place: str, value: int, *, most: int = MOST) -> None:
    """Raise FeatsplitError unless the `value` at `place` is at least 1, and at most `most`."""
    if value < 1:
        raise FeatsplitError(f"{place} = {value}: must be at least 1")
    if value > most:
        raise FeatsplitError(f"{place} = {value}: must be at most {most}")


def check_positive(place: str, value: float) -> None:
    """Raise FeatsplitError unless the `value` at `place` is a finite number greater than 0."""
    if not 0 < value < float("inf"):
        raise FeatsplitError(f"{place} = {value:g}: must be greater than 0, and finite")


def unknown(place: str, value: str, valid: Iterable[str]) -> FeatsplitError:
    """The error for a `value` at `place` that is none of the `valid` names, with the nearest of them."""
    names = list(valid)
    nearest = get_close_matches(value, names, n=1, cutoff=0.5)
    hint = f'; did you mean "{nearest[0]}"?' if nearest else ""
    return FeatsplitError(f'{place} = "{value}": must be one of {", ".join(names)}{hint}')
