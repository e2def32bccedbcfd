"""One run at a time in a folder: a file there that says which process of which host has it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from featsplit.errors import FeatsplitError
from featsplit.files import writing
from featsplit.locks import claim, release

LOCK = ".lock"


@contextmanager
def held_alone(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder`, as `locks.claim` takes it; FeatsplitError where another process has it."""
    lock = folder / LOCK
    with writing(lock):
        owner = claim(lock)
    if owner is not None:
        raise FeatsplitError(
            f"{folder}: {owner} runs there; wait for it, or give another --out (if it is gone: rm {lock})"
        )
    try:
        yield
    finally:
        release(lock)
        with suppress(OSError):
            folder.rmdir()  # where nothing was left in it
