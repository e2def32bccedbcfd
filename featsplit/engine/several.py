"""One piece of work by several processes of this machine, which hear each other as those of torchrun do."""

import json
import os
import socket
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar

import torch
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException, spawn

from featsplit.data.images import ImageData
from featsplit.data.sources import DataSpec
from featsplit.engine.jobs import give, given
from featsplit.errors import FeatsplitError, ProcessDiedError
from featsplit.progress import Kept, keeping, kept, silent, without_bars
from featsplit.runtime import Machine, resolve_device, together

Found = TypeVar("Found")


def in_ranks(count: int, machine: Machine, work: Callable[[Machine], Found]) -> Found:
    """Do `work` in `count` processes, with a GPU each where `machine` has GPUs; they share the threads of this one.

    `work`, which can be pickled, is given a machine that knows its `ranks`; what it returns in the first of the
    processes, JSON values, is returned. What they do is told where this process tells it, by the first. Data that this
    process was given they read in memory that they share. Where one fails the others are ended; FeatsplitError where it
    failed by one, ProcessDiedError where it was killed.
    """
    with TemporaryDirectory() as folder:
        threads = max(1, torch.get_num_threads() // count)
        told, found = Path(folder) / "error", Path(folder) / "found"
        group = _Group(count, _free_port(), threads, machine, told, found, kept(), given())
        try:
            start: Any = spawn
            start(_one, (group, work), nprocs=count)
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


class _Group(NamedTuple):
    """What all of the processes are told: how they meet, and where an error and what was `found` go."""

    world: int
    port: int
    threads: int
    machine: Machine
    told: Path
    found: Path
    places: Kept
    data: dict[DataSpec, ImageData]


def _one(rank: int, group: _Group, work: Callable[[Machine], object]) -> None:
    machine, met = group.machine, {"WORLD_SIZE": group.world, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": group.port}
    names = {"RANK": rank, "LOCAL_RANK": rank, **met}
    os.environ.update({name: str(value) for name, value in names.items()})
    torch.set_num_threads(group.threads)
    without_bars()
    for spec, data in group.data.items():
        give(spec, partial(_same, data))
    if rank:
        silent()
    with together() as ranks, nullcontext() if rank else keeping(group.places):
        device = machine.device if machine.kind == "cpu" else resolve_device("auto")
        try:
            returned = work(machine._replace(device=device, ranks=ranks))
        except FeatsplitError as error:
            group.told.write_text(str(error))
            raise
        if not rank:
            group.found.write_text(json.dumps(returned))


def _same(data: ImageData) -> ImageData:
    return data


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
