"""What a format left on the disk, as the card and Croissant tell of it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

TAR, PNG, CSV = "application/x-tar", "image/png", "text/csv"


class File(NamedTuple):
    """A file of an export: its path in the folder, and its MIME type."""

    path: str
    encoding: str


class Images(NamedTuple):
    """Image files that a pattern names: in the folder itself, or `inside` of these of its files.

    The group of the regular expression `path` is what of a file's path stands in metadata.csv; without it its name.
    """

    pattern: str
    inside: tuple[str, ...] = ()
    path: str | None = None


class Snippet(NamedTuple):
    """Lines of Python that load an export from the folder that holds it, and with what."""

    library: str
    code: str


@dataclass(frozen=True)
class Written:
    """What lies there: `files` besides the images that are files of their own, and how all is loaded.

    `key` is the first column of metadata.csv, where there is one, and `images` the files that it names, where they are
    such as Croissant reads. `kept` says in a line what became of the pixels. `configs` are the patterns by which
    Hugging Face finds the data.
    """

    files: tuple[File, ...]
    kept: str
    key: str | None = None
    images: Images | None = None
    configs: tuple[str, ...] = ()
    loading: tuple[Snippet, ...] = ()


def literal(text: str) -> str:
    """`text` as Python writes it, in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def snippet(library: str, *lines: str) -> Snippet:
    """The `lines` as a Snippet."""
    return Snippet(library, "\n".join(lines))


def table_of(files: tuple[File, ...]) -> str:
    """The path of metadata.csv among the files."""
    return next(file.path for file in files if file.encoding == CSV)


def files_in(folder: Path, pattern: str, encoding: str) -> tuple[File, ...]:
    """The files of `folder` that the pattern names, in order."""
    return tuple(File(path.name, encoding) for path in sorted(folder.glob(pattern)))
