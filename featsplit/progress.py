"""Progress bars with the time left: on standard error, only on a terminal, and only for what takes over two seconds."""

import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def progress(work: Sequence[T], title: str, *, done: int = 0, total: int | None = None) -> Iterator[T]:
    """The items of `work`, behind a bar that starts at `done` of `total` (None: of the items)."""
    quiet = not sys.stderr.isatty()
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
