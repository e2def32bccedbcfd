"""Jobs on Ray: all GPUs of a machine, or all machines of a cluster.

Ray places each job where its CPUs and GPUs are free, and does it again elsewhere where its process or its machine died;
what was done of it lies in the folder of the run, which all machines see. Nothing goes from job to job but by files.
The images are loaded by the driver, and Ray brings them to each machine once.
"""

import os
import signal
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any, cast

import torch
from numpy.typing import NDArray
from torch import Tensor

from featsplit.data.images import ImageData, Split
from featsplit.data.mapped import Mapped
from featsplit.data.sources import DataSpec
from featsplit.engine.jobs import Job, Worker, give
from featsplit.engine.processes import Engine, Rows, Warned, carried_out, in_order, say_again
from featsplit.errors import FeatsplitError, ProcessDiedError, warn
from featsplit.progress import without_bars
from featsplit.records.engine import EngineSpec
from featsplit.runtime import Machine


class RayEngine(Engine):
    """A Ray that is up; each job takes what `spec` says."""

    def __init__(
        self, worker: Worker, spec: EngineSpec, ray: Any, preload: str | None, data: Sequence[DataSpec] = ()
    ) -> None:
        super().__init__(worker)
        self.spec, self.ray, self.preload, self.data = spec, ray, preload, data

    def carry_out(self, jobs: Sequence[Job]) -> dict[str, Rows]:
        """The rows of each job, by its key. Each of `jobs` stands after those that it needs.

        An error in one job, or Ctrl-C, cancels the others; the first error of the user's making is raised.
        """
        gpus, ranks = self._gpus(), self.worker.ranks
        remote = self.ray.remote(max_retries=self.spec.retries, retry_exceptions=[ProcessDiedError])(_on_node)
        machine = self.worker.machine._replace(device="cuda" if gpus else "cpu")
        if machine.precision == "auto":
            machine = machine._replace(precision="bfloat16" if self._in_half(machine, gpus, len(jobs)) else "float32")
        worker = self.ray.put(replace(self.worker, machine=machine, download=False))
        self._warn_of_none(gpus, ranks if any(job.trains for job in jobs) else 1)
        given, begun = self._given(), list[Any]()

        def begin(job: Job) -> Any:
            count = ranks if job.trains else 1
            takes = remote.options(name=job.key, num_cpus=self.spec.cpus * count, num_gpus=gpus * count)
            begun.append(takes.remote(worker, job, self.preload, self._threads() * count, given))
            return begun[-1]

        ended = in_order(
            jobs,
            begin=begin,
            places=lambda: self._places(gpus) + 1,  # one waits: a cluster that grows by what waits does
            wait=lambda running: self.ray.wait(running, num_returns=1)[0],
        )
        try:
            return {job.key: self._rows(job, end) for job, end in ended}
        except BaseException:
            for end in begun:
                self.ray.cancel(end, force=True)
            raise

    def _rows(self, job: Job, end: Any) -> Rows:
        """The rows of `job`, which has ended."""
        try:
            rows, caught = self.ray.get(end)
        except self.ray.exceptions.RayTaskError as error:
            raise (error.cause if isinstance(error.cause, FeatsplitError) else error) from None
        except self.ray.exceptions.RayError as error:
            raise FeatsplitError(
                f"{job.key}: its process or its machine died {self.spec.retries + 1} times (out of memory?); "
                f"give a job more, --cpus or --gpus ({type(error).__name__})"
            ) from error
        say_again(caught)
        return cast(Rows, rows)

    def _in_half(self, machine: Machine, gpus: float, most: int) -> bool:
        """Whether networks are run in bfloat16: decided once, since on machines of two kinds it would differ.

        Each place is asked, up to `most`, so that its process begins to load; the first to answer decides.
        """
        ask = self.ray.remote(num_cpus=self.spec.cpus, num_gpus=gpus)(_runs_in_half)
        asked = [ask.remote(machine) for _ in range(max(min(self._places(gpus), most), 1))]
        first, _ = self.ray.wait(asked, num_returns=1)
        return bool(self.ray.get(first[0]))

    def _places(self, gpus: float) -> int:
        """How many jobs of one process, of `gpus` each, the machines have room for now."""
        places = 0
        for has in (node["Resources"] for node in self.ray.nodes() if node["Alive"]):
            rooms = [has.get(name, 0) / asked for name, asked in (("CPU", self.spec.cpus), ("GPU", gpus)) if asked]
            places += int(min(rooms))
        return places

    def _given(self) -> "Given":
        """The data of the run, which Ray brings to each machine once, where its processes share the memory.

        Not those that are mapped from a file: each machine maps it.
        """
        loaded = {spec: self.worker.data(spec) for spec in self.data}
        held = {spec: data for spec, data in loaded.items() if not isinstance(data.train.images, Mapped)}
        return {spec: self.ray.put(_as_arrays(data)) for spec, data in held.items()}

    def _warn_of_none(self, gpus: float, count: int) -> None:
        """Warn where no machine of the cluster has what a job of `count` processes takes: it waits for one."""
        cpus, gpus = self.spec.cpus * count, gpus * count
        has = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        if not any(one.get("CPU", 0) >= cpus and one.get("GPU", 0) >= gpus for one in has):
            warn(
                f"no machine of the cluster has the {cpus:g} CPUs and {gpus:g} GPUs that a job takes: it waits until "
                "one comes; ask for less, --cpus, --gpus or --ranks"
            )

    def _gpus(self) -> float:
        """How many GPUs a job takes: what was asked for, or one where the cluster has any."""
        if self.spec.gpus is not None:
            return self.spec.gpus
        return float(self.ray.cluster_resources().get("GPU", 0) > 0)

    def _threads(self) -> int:
        return max(1, int(self.spec.cpus))


@contextmanager
def start_ray(
    worker: Worker, spec: EngineSpec, *, preload: str | None = None, data: Sequence[DataSpec] = ()
) -> Iterator[RayEngine]:
    """A Ray of its own, which ends with the block, or the cluster at the address that `spec` names.

    `preload` is the module that the jobs will need, `data` what they will load: this process does it for all of them.
    Raises FeatsplitError where Ray is not installed, or there is no cluster at that address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray = import_module("ray")
    except ImportError as error:
        raise FeatsplitError('--engine ray: Ray is not installed; pip install "featsplit[ray]"') from error
    usual = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        ray.init(address=spec.address or "local", include_dashboard=False, log_to_driver=True, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise FeatsplitError(f"--address {spec.address}: no Ray cluster answers there ({reason})") from error
    if threading.current_thread() is threading.main_thread():
        for each, handler in usual.items():  # Ray has put others in their place, which end without a line
            signal.signal(each, handler)
    try:
        yield RayEngine(worker, spec, ray, preload, data)
    finally:
        ray.shutdown()


def _fetched(reference: Any) -> ImageData:
    """The data that `reference` stands for, on this machine."""
    return _from_arrays(import_module("ray").get(reference))


def _runs_in_half(machine: Machine) -> bool:
    """Whether networks are run in bfloat16 there."""
    return machine.half


Given = Mapping[DataSpec, Any]
"""References to the arrays of data."""
Arrays = tuple[ImageData, list[NDArray[Any] | None]]


def _as_arrays(data: ImageData) -> Arrays:
    """`data` without its tensors, and these as arrays, which processes of a machine read where they lie."""
    tensors = [tensor for split in (data.train, data.test) for tensor in (split.images, split.labels, split.wide)]
    none = Split(torch.empty(0), torch.empty(0))
    return replace(data, train=none, test=none), [None if one is None else one.numpy() for one in tensors]


def _from_arrays(arrays: Arrays) -> ImageData:
    """The data again; they must not be written to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that they cannot be written to, which nobody does
        tensors = [None if one is None else torch.from_numpy(one) for one in arrays[1]]
    train, test = (Split(*cast(tuple[Tensor, Tensor, Tensor | None], tensors[at : at + 3])) for at in (0, 3))
    return replace(arrays[0], train=train, test=test)


def _on_node(worker: Worker, job: Job, preload: str | None, threads: int, given: Given) -> tuple[Rows, list[Warned]]:
    """What a job gives, in a process of some machine."""
    torch.set_num_threads(threads)
    without_bars()
    for spec, reference in given.items():
        give(spec, partial(_fetched, reference))
    if preload is not None:
        import_module(preload)
    return carried_out(job, worker)
