"""How far work is, on standard error: on a terminal a bar with the time left, elsewhere a line at every tenth.

The lines begin after ten seconds; so a log that nobody watches tells within a tenth of the work that it goes on, and
when it will end. What is being worked at can also be kept in a file (`keep_events`), which other
processes read, whatever is seen here.
"""

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from tqdm import tqdm

from featsplit.curves import Curves

T = TypeVar("T")
QUIET, LONG = 10.0, 60.0
"""Seconds before the first line; and of the whole, for work within other work to have lines of its own."""
TENTHS = 10
_without_bars, _silent, _active = False, False, 0
_events: Path | None = None
_curves: Curves | None = None


def without_bars() -> None:
    """No more bars in this process, lines instead; and no lock for bars among processes, which would outlive it."""
    global _without_bars
    _without_bars = True
    tqdm.set_lock(threading.RLock())


def silent() -> None:
    """Say nothing more of how far work is in this process."""
    global _silent
    _silent = True


def keep_events(path: Path | None) -> None:
    """From now on append how far this process is to the file at `path`, a JSON object a line; None: no longer."""
    global _events
    _events = path


def add_event(**fields: object) -> None:
    """Append `fields` to the file that `keep_events` named, if any, with the time, the host and the process."""
    if _events is not None:
        line = {"time": round(time.time(), 2), "host": socket.gethostname(), "process": os.getpid(), **fields}
        with _events.open("a") as file:
            file.write(json.dumps(line) + "\n")


class Kept(NamedTuple):
    """Where a process keeps how far it is, and the curves of what it trains."""

    events: Path | None
    curves: Path | None


def kept() -> Kept:
    """Where this process does, for another that does its work."""
    return Kept(_events, None if _curves is None else _curves.folder)


@contextmanager
def keeping(places: Kept) -> Iterator[None]:
    """Inside, this process keeps them in the `places` of another."""
    keep_events(places.events)
    try:
        with curves_in(places.curves):
            yield
    finally:
        keep_events(None)


@contextmanager
def curves_in(folder: Path | None) -> Iterator[None]:
    """Inside, the curves of what this process trains are kept below `folder`, for TensorBoard; None: they are not."""
    global _curves
    _curves = None if folder is None else Curves(folder)
    try:
        yield
    finally:
        if _curves is not None:
            _curves.close()
        _curves = None


class Progress(Generic[T]):
    """The items of some work, to be gone through once. `figures` are shown beside: "loss 0.31, accuracy 0.88"."""

    def __init__(self, work: Sequence[T], title: str, *, done: int = 0, total: int | None = None) -> None:
        self.work, self.title, self.first = work, title, done
        self.total = len(work) + done if total is None else total
        self.figures = ""

    def __iter__(self) -> Iterator[T]:
        """Each item; that the one before is done is known when the next is asked for."""
        global _active
        if _silent:
            yield from self.work
            return
        _active += 1
        try:
            bar = sys.stderr.isatty() and not _without_bars
            yield from self._watched(self._behind_bar() if bar else iter(self.work), say=not bar)
        finally:
            _active -= 1

    def reached(self, done: int, **numbers: float) -> None:
        """Say what came out of the item that is the `done`-th of the total: its "loss", and accuracies by name.

        They are shown beside, the last accuracy alone; all of them are kept as an event and a point of the curves.
        """
        *_, (last, value) = numbers.items()
        more = f", {'accuracy' if 'accuracy' in last else last} {value:.3f}" if last != "loss" else ""
        self.figures = f"loss {numbers['loss']:.3f}{more}"
        if not _silent:
            add_event(title=self.title, done=done, total=self.total, figures=self.figures, **numbers)
            if _curves is not None:
                _curves.add(self.title, done, numbers)

    def _behind_bar(self) -> Iterator[T]:
        options = {"desc": self.title, "total": self.total, "initial": self.first, "delay": 2, "leave": False}
        with tqdm(self.work, dynamic_ncols=True, **options) as bar:
            for item in bar:
                bar.set_postfix_str(self.figures, refresh=False)
                yield item

    def _watched(self, items: Iterator[T], *, say: bool) -> Iterator[T]:
        """The `items`; at every tenth an event is kept and, if `say`, a line printed."""
        reach = self._watch(say=say)
        for done, item in enumerate(items, start=self.first):
            reach(done)
            yield item

    def _watch(self, *, say: bool) -> Callable[[int], None]:
        """What is told how many items are done, and sees to events and lines."""
        began, inner, told = time.monotonic(), _active > 1, TENTHS * self.first // max(self.total, 1)

        def reach(done: int) -> None:
            nonlocal told
            seconds, tenth = time.monotonic() - began, TENTHS * done // max(self.total, 1)
            if tenth > told and self.first < done < self.total:
                left = seconds / (done - self.first) * (self.total - done)
                if seconds >= QUIET and not (inner and seconds + left < LONG):
                    told = tenth
                    self._tell(done, left, say=say)

        return reach

    def _tell(self, done: int, left: float, *, say: bool) -> None:
        figures = f", {self.figures}" if self.figures else ""
        share = 100 * done // self.total
        if say:
            print(f"{self.title}: {share} %, {done} of {self.total}{figures}; {clock(left)} left", file=sys.stderr)
        event = {"title": self.title, "done": done, "total": self.total, "left": round(left, 1)}
        add_event(**event, **({"figures": self.figures} if self.figures else {}))


def progress(work: Sequence[T], title: str, *, done: int = 0, total: int | None = None) -> Progress[T]:
    """The items of `work`, of which the first is number `done` of `total` (None: of the items)."""
    return Progress(work, title, done=done, total=total)


@contextmanager
def counted(total: int, title: str) -> Iterator[Callable[[int], None]]:
    """Of work that is no loop over its items: a function that is told how many of the `total` are done by now."""
    global _active
    if _silent:
        yield lambda done: None
        return
    _active += 1
    work, bar = Progress(range(total), title), sys.stderr.isatty() and not _without_bars
    with tqdm(desc=title, total=total, delay=2, leave=False, dynamic_ncols=True, disable=not bar) as shown:
        watch = work._watch(say=not bar)

        def reach(done: int) -> None:
            shown.update(done - shown.n)
            watch(done)

        try:
            yield reach
        finally:
            _active -= 1


def clock(seconds: float) -> str:
    """A time as minutes and seconds, from an hour on with hours: "1:05", "2:00:07"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
