"""A run as jobs: small records that say what to make and from which files, and the worker that carries them out."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Protocol, runtime_checkable

from featsplit.data.images import ImageData
from featsplit.data.shards import SHARD
from featsplit.data.sources import DataSpec, load_data
from featsplit.rows import Row
from featsplit.runtime import Machine

Say = Callable[[str], None]
TIMES = "times.jsonl"
"""Where the stages leave their seconds, a line each time one ran."""


@dataclass(frozen=True)
class Worker:
    """What jobs are carried out with: the `folder` of the run, the `machine`, where torchvision's data lie (`root`).

    `say` takes a line of progress. With `download` it fetches data that are not there. `shard` is how many images of a
    derived set one job makes, `ranks` how many processes train a network together. With `curves` those of training are
    kept for TensorBoard. Of a run that is only planned, `images` is how many training images to count with.
    """

    folder: Path
    machine: Machine
    root: Path | None
    say: Say
    download: bool = False
    shard: int = SHARD
    ranks: int = 1
    curves: bool = False
    images: int | None = None

    def data(self, spec: DataSpec, *, elsewhere: str | None = None) -> ImageData:
        """The data that `spec` describes, loaded once in each process, or given; `elsewhere` as of `load_data`."""
        return _loaded(spec, self.root, elsewhere, self.download)

    def count(self, spec: DataSpec) -> int:
        """How many training images the data have that `spec` describes."""
        return len(self.data(spec).train) if self.images is None else self.images

    def tell(self, folder: Path, who: str, what: str, *, began: float, figures: str, kept: bool = False) -> None:
        """A line for a stage of `who` that `began` (`perf_counter`) and has ended; its time is kept in `folder`.

        Of one that was `kept`, since it had been done before, it is said, and no time.
        """
        took = f"{'kept':>9}" if kept else f"{self.keep_time(folder, what, began=began):7.1f} s"
        self.say(f"{who}  {what:<22}{took}   {figures}")

    def keep_time(self, folder: Path, what: str, *, began: float) -> float:
        """The seconds of a stage `what` that `began` and has ended, kept in `folder`; nothing is said."""
        seconds = time.perf_counter() - began
        with (folder / TIMES).open("a") as file:
            file.write(json.dumps({"stage": what, "seconds": round(seconds, 2)}) + "\n")
        return seconds


_given: dict[DataSpec, Callable[[], ImageData]] = {}


def give(spec: DataSpec, data: Callable[[], ImageData]) -> None:
    """From now on workers of this process have the data of `spec` from `data`, which is called once, if at all.

    Where they were given before, those stay: they are the same.
    """
    _given.setdefault(spec, cache(data))


def given() -> dict[DataSpec, ImageData]:
    """The data that workers of this process were given."""
    return {spec: data() for spec, data in _given.items()}


@lru_cache(maxsize=4)
def _loaded(spec: DataSpec, root: Path | None, elsewhere: str | None, download: bool) -> ImageData:
    if elsewhere is None and spec in _given:
        return _given[spec]()
    return load_data(spec, root=root, elsewhere=elsewhere, download=download)


class Work(Protocol):
    """What a job does: a picklable record without tensors. It leaves files in the folder of the run, and gives rows."""

    def __call__(self, worker: Worker, /) -> Sequence[Row]:
        """Make what the record says; what is there already is taken up."""


@runtime_checkable
class Divided(Work, Protocol):
    """Work of which others can do parts first, side by side: it takes up what they leave."""

    def parts(self, worker: Worker, /) -> Sequence[Work]:
        """The parts; none where it is quicker alone."""


@dataclass(frozen=True)
class Job:
    """A piece of `work` by its `key`, to be done after the jobs whose keys it `needs`.

    `files` are those that it leaves, in the run's folder: another run that would make the same may take them up. One
    that `trains` is done by as many processes as the worker has `ranks`, with a GPU each where there are any. Jobs of
    one `kind` take about as long.
    """

    key: str
    work: Work
    needs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    trains: bool = False
    kind: str = ""

    @property
    def like(self) -> str:
        """What jobs have in common that take about as long: their `kind`, or else the name of their work."""
        return self.kind or type(self.work).__name__


def with_parts(jobs: Sequence[Job], worker: Worker) -> list[Job]:
    """The `jobs`, and before each that is divided a job for each of its parts, which need what it needs."""
    found = list[Job]()
    for job in jobs:
        parts = job.work.parts(worker) if isinstance(job.work, Divided) else ()
        own = [
            Job(f"{job.key}/part-{number}", part, job.needs, kind=f"{job.like}, a part")
            for number, part in enumerate(parts)
        ]
        found += [*own, replace(job, needs=(*job.needs, *(part.key for part in own)))]
    return found
