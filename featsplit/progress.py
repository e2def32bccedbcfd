"""Progress bars with the time left: on standard error, only on a terminal, and only for what takes over two seconds."""

import sys
import threading
from collections.abc import Iterator, Sequence
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
_silent = False


def silence() -> None:
    """No more bars in this process, and no lock for them among processes, which would outlive it when it is killed."""
    global _silent
    _silent = True
    tqdm.set_lock(threading.RLock())


def progress(work: Sequence[T], title: str, *, done: int = 0, total: int | None = None) -> Iterator[T]:
    """The items of `work`, behind a bar that starts at `done` of `total` (None: of the items)."""
    quiet = _silent or not sys.stderr.isatty()
    yield from tqdm(
        work,
        desc=title,
        total=len(work) + done if total is None else total,
        initial=done,
        delay=2,
        disable=quiet,
        leave=False,
        dynamic_ncols=True,
    )
