"""Files that are whole or not there: written beside their place and renamed into it."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from featsplit.errors import FeatsplitError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Make the folder of `path`; an OSError inside becomes a FeatsplitError that names `path`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except FileExistsError as error:
        raise FeatsplitError(f"{path}: cannot be written: {path.parent} is a file, not a folder") from error
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FeatsplitError(f"{path}: cannot be written: {reason}") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; it becomes `path` when the block ends well, and is removed when it does not.

    Raises FeatsplitError where the folder cannot be written to or the disk is full; what was at `path` stays.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with writing(path):
            yield partial
            partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def check_writable(path: Path, *, overwrite: bool = False, flag: str = "--out") -> None:
    """Raise FeatsplitError, before any work is done, where `path`, given by `flag`, cannot become a new file."""
    if path.is_dir():
        raise FeatsplitError(f"{path}: is a folder; give a file")
    if path.exists() and not overwrite:
        raise FeatsplitError(f"{path}: exists; give another {flag}, or --overwrite")
    with writing(path):
        probe = path.with_name(f".{path.name}.probe")
        probe.touch()
        probe.unlink()


def write_json(path: Path, value: Any) -> None:
    """Write JSON values to `path`, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(value, indent=1) + "\n")


def json_digest(value: object) -> str:
    """SHA-256 of JSON values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
