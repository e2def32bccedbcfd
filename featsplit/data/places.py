"""Where a source of data lies, and whose images a derived set holds: by its name, and by what its file says."""

import os
from pathlib import Path
from typing import NamedTuple

from featsplit.files import expanded
from featsplit.metadata.sets import read_set_metadata
from featsplit.records.data import HUB, IMAGENET, RESTRICTED

PATHS = ("folder:", "npz:", HUB, IMAGENET, RESTRICTED)
"""What stands before the path of a source that is the user's own."""
SAVED = ("dataset_dict.json", "state.json")
"""What `save_to_disk` of Hugging Face's `datasets` leaves in the folder of a DatasetDict, and of a Dataset."""


class Hosted(NamedTuple):
    """What "hf:PLACE:CONFIG#IMAGE,LABEL" names: a folder or a data set of the hub, of which configuration and columns.

    `config` and `columns` are empty where they are not written; one of `columns` alone is the label's.
    """

    place: str
    config: str
    columns: tuple[str, ...]

    @property
    def path(self) -> Path | None:
        """The folder; None for a name of the hub, which has one slash at most: a folder of that name is meant first."""
        looks = self.place.startswith(("/", ".", "~")) or self.place.count("/") > 1
        return expanded(self.place) if looks or os.path.isdir(self.place) else None


def hosted(source: str) -> Hosted:
    """What `source` = "hf:..." names; a folder that exists under all that is written is that folder."""
    text = source.removeprefix(HUB)
    if os.path.isdir(os.path.expanduser(text)):
        return Hosted(text, "", ())
    place, _, columns = text.partition("#")
    chosen = tuple(name.strip() for name in columns.split(",") if name.strip())
    if os.path.isdir(os.path.expanduser(place)):
        return Hosted(place, "", chosen)
    name, _, config = place.partition(":")
    return Hosted(name, config, chosen)


def is_derived(source: str) -> bool:
    """Whether `source` names a derived set."""
    return source.endswith(".h5") and not source.startswith(PATHS)


def path_of(source: str) -> Path | None:
    """Where `source` lies: the PATH of "folder:PATH" and its like, or a derived set; None where it is a mere name."""
    if source.startswith(HUB):
        return hosted(source).path
    if source.startswith(PATHS):
        return expanded(source.partition(":")[2])
    return Path(source) if is_derived(source) else None


def absolute(source: str) -> str:
    """`source` with an absolute path, if it has one: it means the same data from any working folder."""
    path = path_of(source)
    if path is None:
        return source
    if source.startswith(HUB) and (columns := hosted(source).columns):
        return f"{HUB}{path.absolute()}#{','.join(columns)}"
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


def suggested(text: str) -> str | None:
    """How the source at the path `text` is written, where one lies there: "folder:photos", "npz:a.npz", "hf:sets"."""
    path = expanded(text)
    if os.path.isdir(path):
        return f"{HUB}{text}" if _holds_tables(path) else f"folder:{text}"
    return f"npz:{text}" if path.suffix.lower() == ".npz" and os.path.isfile(path) else None


def _holds_tables(path: Path) -> bool:
    """Whether the folder is one of Hugging Face's, as `save_to_disk` writes it, or of parquet files."""
    if any((path / name).is_file() for name in SAVED):
        return True
    return any(next(path.glob(pattern), None) for pattern in ("*.parquet", "*/*.parquet", "*/*/*.parquet"))
