"""A run as jobs: small records that say what to make and from which files, and the worker that carries them out."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from featsplit.data.images import ImageData
from featsplit.data.sources import DataSpec, load_data
from featsplit.rows import Row
from featsplit.runtime import Machine

Say = Callable[[str], None]
TIMES = "times.jsonl"
"""Where the stages leave their seconds, a line each time one ran."""


@dataclass(frozen=True)
class Worker:
    """What jobs are carried out with: the `folder` of the run, the `machine`, where torchvision's data lie (`root`).

    `say` takes a line of progress. With `download` it fetches data that are not there.
    """

    folder: Path
    machine: Machine
    root: Path | None
    say: Say
    download: bool = False

    def data(self, spec: DataSpec, *, elsewhere: str | None = None) -> ImageData:
        """The data that `spec` describes, loaded once in each process; `elsewhere` as of `load_data`."""
        return _loaded(spec, self.root, elsewhere, self.download)

    def tell(self, folder: Path, who: str, what: str, *, began: float, figures: str) -> None:
        """A line for a stage of `who` that `began` (`perf_counter`) and has ended; its time is kept in `folder`."""
        seconds = time.perf_counter() - began
        self.say(f"{who}  {what:<22}{seconds:7.1f} s   {figures}")
        with (folder / TIMES).open("a") as file:
            file.write(json.dumps({"stage": what, "seconds": round(seconds, 2)}) + "\n")


@lru_cache(maxsize=4)
def _loaded(spec: DataSpec, root: Path | None, elsewhere: str | None, download: bool) -> ImageData:
    return load_data(spec, root=root, elsewhere=elsewhere, download=download)


class Work(Protocol):
    """What a job does: a picklable record without tensors. It leaves files in the folder of the run, and gives rows."""

    def __call__(self, worker: Worker, /) -> Sequence[Row]:
        """Make what the record says; what is there already is taken up."""


@dataclass(frozen=True)
class Job:
    """A piece of `work` by its `key`, to be done after the jobs whose keys it `needs`.

    `files` are those that it leaves, in the run's folder: another run that would make the same may take them up.
    """

    key: str
    work: Work
    needs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
