"""Jobs for tests of what carries jobs out: records that another process can read."""

import os
import time
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from featsplit.data.images import ImageData
from featsplit.data.sources import DataSpec
from featsplit.engine.jobs import Job, Worker
from featsplit.engine.several import in_ranks
from featsplit.errors import FeatsplitError, ProcessDiedError, warn
from featsplit.rows import Row
from featsplit.runtime import Machine

_seen: list[ImageData] = []


@dataclass(frozen=True)
class Load:
    """Load the data of `spec`, and take a little time."""

    spec: DataSpec

    def __call__(self, worker: Worker) -> list[Row]:
        """A row with the process (`seed`) and how many different data it has seen by now (`n`)."""
        data = worker.data(self.spec)
        if not any(data is one for one in _seen):
            _seen.append(data)
        time.sleep(0.05)
        return [{"seed": os.getpid(), "n": len(_seen)}]


def _refuse(spec: DataSpec, **options: Any) -> ImageData:
    raise FeatsplitError("these are its own")


@dataclass(frozen=True)
class See:
    """See the data of `spec`, which must be given to this process."""

    spec: DataSpec

    def __call__(self, worker: Worker) -> list[Row]:
        """A row on what is in them; FeatsplitError where this process would load them itself."""
        with patch("featsplit.engine.jobs.load_data", _refuse):
            data = worker.data(self.spec)
        return [{"n": int(data.train.labels.sum()), "accuracy": float(data.test.inputs().mean())}]


@dataclass(frozen=True)
class SeeTogether:
    """See the data of `spec` in each of two processes, which must be given them by this one."""

    spec: DataSpec

    def __call__(self, worker: Worker) -> list[Row]:
        """The row of the first."""
        return in_ranks(2, worker.machine, _SeeThere(worker, self.spec))


@dataclass(frozen=True)
class _SeeThere:
    worker: Worker
    spec: DataSpec

    def __call__(self, machine: Machine) -> list[Row]:
        return See(self.spec)(self.worker)


@dataclass(frozen=True)
class Warn:
    """Say a warning."""

    message: str

    def __call__(self, worker: Worker) -> list[Row]:
        """No rows."""
        warn(self.message)
        return []


@dataclass(frozen=True)
class Fail:
    """Fail with a message."""

    message: str

    def __call__(self, worker: Worker) -> list[Row]:
        """Never any rows."""
        raise FeatsplitError(self.message)


@dataclass(frozen=True)
class Leave:
    """Leave the file `name`, of what the files `needs` hold."""

    name: str
    needs: tuple[str, ...] = ()

    def __call__(self, worker: Worker) -> list[Row]:
        """A row with the length of all names that led here."""
        text = self.name + "".join((worker.folder / name).read_text() for name in self.needs)
        (worker.folder / self.name).write_text(text)
        return [{"n": len(text)}]


def _try(worker: Worker, name: str) -> int:
    """Which try of the work `name` this is, from 1, in whatever process."""
    tries = worker.folder / f"{name}.tries"
    count = len(tries.read_text()) + 1 if tries.exists() else 1
    tries.write_text("x" * count)
    return count


@dataclass(frozen=True)
class Die:
    """End its process by a signal, the first `times` that it is tried."""

    name: str
    times: int
    how: int

    def __call__(self, worker: Worker) -> list[Row]:
        """A row with how often it was tried."""
        count = _try(worker, self.name)
        if count <= self.times:
            os.kill(os.getpid(), self.how)
            time.sleep(60)
        return [{"n": count}]


@dataclass(frozen=True)
class LoseRank:
    """Lose one of the processes that work together, the first `times` that it is tried."""

    name: str
    times: int

    def __call__(self, worker: Worker) -> list[Row]:
        """A row with how often it was tried."""
        count = _try(worker, self.name)
        if count <= self.times:
            raise ProcessDiedError("one of 2 processes was killed")
        return [{"n": count}]


@dataclass(frozen=True)
class Divide:
    """Put together what its parts left, `count` of them."""

    name: str
    count: int

    def parts(self, worker: Worker) -> list[Leave]:
        """A file each."""
        return [Leave(f"{self.name}{number}") for number in range(self.count)]

    def __call__(self, worker: Worker) -> list[Row]:
        """A row with the length of all that they left."""
        return [{"n": sum(len((worker.folder / one.name).read_text()) for one in self.parts(worker))}]


def hear(line: str) -> None:
    """Take a line of progress, as `print` does; Ray puts another function in the place of that."""


DIAMOND = [
    Job("a", Leave("a")),
    Job("b", Leave("b", ("a",)), ("a",)),
    Job("c", Leave("c", ("a",)), ("a",)),
    Job("d", Leave("d", ("b", "c")), ("b", "c")),
]
"""Two jobs that need one, and one that needs both."""
