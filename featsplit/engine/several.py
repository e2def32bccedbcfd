"""One piece of work by several processes of this machine, which hear each other as those of torchrun do."""

import json
import os
import socket
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import torch
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException, spawn

from featsplit.errors import FeatsplitError, ProcessDiedError
from featsplit.progress import Kept, keeping, kept, silent, without_bars
from featsplit.runtime import Machine, resolve_device, together

Found = TypeVar("Found")


def in_ranks(count: int, machine: Machine, work: Callable[[Machine], Found]) -> Found:
    """Do `work` in `count` processes, with a GPU each where `machine` has GPUs; they share the threads of this one.

    `work`, which can be pickled, is given a machine that knows its `ranks`; what it returns in the first of the
    processes, JSON values, is returned. What they do is told where this process tells it, by the first. Where one fails
    the others are ended; FeatsplitError where it failed by one, ProcessDiedError where it was killed.
    """
    with TemporaryDirectory() as folder:
        told, threads = Path(folder) / "error", max(1, torch.get_num_threads() // count)
        found = Path(folder) / "found"
        try:
            start: Any = spawn
            start(_one, (count, _free_port(), machine, work, told, found, threads, kept()), nprocs=count)
            returned: Found = json.loads(found.read_text())
            return returned
        except ProcessExitedException as error:
            raise ProcessDiedError(
                f"one of {count} processes that train together was killed (out of memory?); start again, it goes on"
            ) from error
        except ProcessRaisedException:
            if told.exists():
                raise FeatsplitError(told.read_text()) from None
            raise


def _one(
    rank: int,
    count: int,
    port: int,
    machine: Machine,
    work: Callable[[Machine], object],
    told: Path,
    found: Path,
    threads: int,
    places: Kept,
) -> None:
    names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in names.items()})
    torch.set_num_threads(threads)
    without_bars()
    if rank:
        silent()
    with together() as ranks, nullcontext() if rank else keeping(places):
        device = machine.device if machine.kind == "cpu" else resolve_device("auto")
        try:
            returned = work(machine._replace(device=device, ranks=ranks))
        except FeatsplitError as error:
            told.write_text(str(error))
            raise
        if not rank:
            found.write_text(json.dumps(returned))


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
