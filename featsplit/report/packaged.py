"""The files beside these modules that go into a page as they are: style, script, the form of the explorer."""

from functools import cache
from importlib.resources import files


@cache
def packaged(name: str) -> str:
    """The text of the file called `name` that lies beside this module."""
    return (files("featsplit.report") / name).read_text(encoding="utf-8")
