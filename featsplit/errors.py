"""The one error that a user sees: the place as they wrote it, the value, the rule and the cure."""

from collections.abc import Iterable
from difflib import get_close_matches


class FeatsplitError(Exception):
    """Something that the user can mend; the command line prints its message in one line and exits with status 2."""


def unknown(place: str, value: str, valid: Iterable[str]) -> FeatsplitError:
    """The error for a `value` at `place` that is none of the `valid` names, with the nearest of them."""
    names = list(valid)
    nearest = get_close_matches(value, names, n=1, cutoff=0.5)
    hint = f'; did you mean "{nearest[0]}"?' if nearest else ""
    return FeatsplitError(f'{place} = "{value}": must be one of {", ".join(names)}{hint}')
