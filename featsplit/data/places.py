"""Where a source of data lies, and whose images a derived set holds: by its name, and by what its file says."""

from pathlib import Path

from featsplit.files import expanded
from featsplit.metadata.sets import read_set_metadata
from featsplit.records.data import IMAGENET, RESTRICTED

PATHS = ("folder:", "npz:", IMAGENET, RESTRICTED)
"""What stands before the path of a source that is the user's own."""


def is_derived(source: str) -> bool:
    """Whether `source` names a derived set."""
    return source.endswith(".h5") and not source.startswith(PATHS)


def path_of(source: str) -> Path | None:
    """Where `source` lies: the PATH of "folder:PATH" and its like, or a derived set; None where it is a mere name."""
    if source.startswith(PATHS):
        return expanded(source.partition(":")[2])
    return Path(source) if is_derived(source) else None


def absolute(source: str) -> str:
    """`source` with an absolute path, if it has one: it means the same data from any working folder."""
    path = path_of(source)
    if path is None:
        return source
    return str(path.absolute()) if is_derived(source) else f"{source.partition(':')[0]}:{path.absolute()}"


def owner(source: str, split: str) -> str:
    """The name of the data set whose images the `split` of `source` holds.

    A derived set has those of the split that it was made of; the others are its source's.
    """
    spec = read_set_metadata(Path(source)).spec if is_derived(source) else None
    return source if spec is None or spec.split == split else spec.source_name


def elsewhere_of(source: str, elsewhere: str | None, among: list[str]) -> str | None:
    """`elsewhere` as it is for `source`: nothing, where that is no derived set and another of `among` is one."""
    return elsewhere if is_derived(source) or not any(map(is_derived, among)) else None
