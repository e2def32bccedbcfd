"""Files that are whole or not there: written beside their place and renamed into it."""

import glob
import hashlib
import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from featsplit.errors import FeatsplitError

TRUST = "FEATSPLIT_TRUST"
"""The environment variable that lets damaged files be used, in this process and in those that it starts."""


def check_digest(place: str, found: str, written: str, *, cure: str) -> None:
    """Raise FeatsplitError unless what was `found` at `place`, by its digest, is what was `written`.

    Where the environment variable `TRUST` is set, to anything, nothing is checked: `featsplit --trust` sets it.
    """
    if found != written and not os.environ.get(TRUST):
        raise FeatsplitError(f"{place} is not what was written; {cure}, or use it as it is: featsplit --trust ...")


def expanded(path: str | Path) -> Path:
    """`path` with a ~ or ~user at its beginning resolved; FeatsplitError where there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise FeatsplitError(f"{path}: there is no such user; write the path out") from error


_replaced = float("-inf")
"""When this process last put something in its place, on the clock of `time.perf_counter`."""


def nothing_written_since(began: float) -> bool:
    """Whether this process has put no file in its place since `began` (`time.perf_counter`): all was there already."""
    return _replaced < began


def _note_replaced() -> None:
    global _replaced
    _replaced = time.perf_counter()


UNWRITTEN = ("write", "errno", "close file", "flush")
"""What the RuntimeErrors of h5py and torch have one of, where the disk takes no more."""


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
    except RuntimeError as error:
        if not any(word in str(error) for word in UNWRITTEN):
            raise
        reason = " ".join(str(error).split())[:120]
        raise FeatsplitError(f"{path}: cannot be written: {reason} (is the disk full?)") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; it becomes `path` when the block ends well, and is removed when it does not.

    It is named by host and process, so that of two that write the same file each has its own; what processes of this
    host that are dead have left is removed. On the disk before it is renamed, so that no failure leaves half a file.
    Raises FeatsplitError where the folder cannot be written to or the disk is full; what was at `path` stays.
    """
    partial = _partial(path)
    try:
        with writing(path):
            _remove_left(path)
            yield partial
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.replace(path)
            _note_replaced()
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A new folder to write into; it becomes `path` when the block ends well, and is removed when it does not.

    It is named, what the dead have left is removed, and it is on the disk before it is renamed, as by `replacing`. The
    folder that was at `path` is removed once the new one is in its place; of a link only the link is.
    """
    partial = _partial(path)
    try:
        with writing(path):
            _remove_left(path)
            partial.mkdir()
            yield partial
            if hasattr(os, "sync"):
                os.sync()  # a folder may hold a file for each image
            _swap(partial, path)
            _note_replaced()
    finally:
        _remove(partial)


def _swap(new: Path, path: Path) -> None:
    """Rename the folder `new` to `path`; what was there, if anything, is removed afterwards."""
    old = new.with_suffix(".old")
    if os.path.lexists(path):
        path.rename(old)
    try:
        new.rename(path)
    except OSError:
        if os.path.lexists(old):
            old.rename(path)
        raise
    _remove(old)


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.partial")


def _remove(path: Path) -> None:
    """Remove the file, the link or the folder at `path`, if there is one and it can be removed."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _remove_left(path: Path) -> None:
    """Remove what processes of this host began to write for `path` before they died."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.{glob.escape(socket.gethostname())}.*.partial"):
        process = left.name.split(".")[-2]
        if process.isdigit() and not is_running(int(process)):
            _remove(left)


def is_running(process: int) -> bool:
    """Whether there is a process of this number on this host."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another's
        return True
    return True


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
