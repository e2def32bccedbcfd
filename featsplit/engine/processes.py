"""Jobs in the order of their needs: one after the other, or side by side in processes of a thread or a few each.

A small network does not keep two threads busy: two processes of one thread beat one process of two.
"""

import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.connection import wait as wait_for
from typing import NamedTuple, TypeVar

import torch

from featsplit.engine.events import told
from featsplit.engine.jobs import Job, Worker
from featsplit.errors import FeatsplitError, FeatsplitWarning
from featsplit.progress import without_bars
from featsplit.rows import Row

Rows = Sequence[Row]
Begun = TypeVar("Begun", bound=Hashable)
"""What stands for a job that was begun."""


class Warned(NamedTuple):
    """A warning of a job in another process, as `warnings.warn_explicit` takes it."""

    message: str
    category: type[Warning]
    filename: str
    line: int


class Engine:
    """This process itself, or several others, each with the `worker`; they share the threads that torch would use."""

    def __init__(self, worker: Worker, pool: ProcessPoolExecutor | None = None, processes: int = 1) -> None:
        self.worker, self.pool, self.processes = worker, pool, processes

    def carry_out(self, jobs: Sequence[Job]) -> dict[str, Rows]:
        """The rows of each job, by its key. Each of `jobs` stands after those that it needs.

        An error in one job, or Ctrl-C, ends them all.
        """
        if self.pool is None:
            return {job.key: _done(job, self.worker) for job in jobs}
        try:
            return dict(_finished(self.pool, jobs, self.processes))
        except BrokenProcessPool as error:
            raise FeatsplitError("a worker process was killed (out of memory?); try --workers 1") from error


@contextmanager
def start_engine(worker: Worker, *, processes: int = 1, preload: str | None = None) -> Iterator[Engine]:
    """An engine of as many `processes`, which begin to load while the caller does something else.

    `preload` is the module that their jobs will need. When all jobs are done the processes end by themselves.
    """
    if processes == 1:
        yield Engine(worker)
        return
    context, threads = multiprocessing.get_context("spawn"), max(1, torch.get_num_threads() // processes)
    _start_tracker()
    begin = (threads, replace(worker, download=False), preload)  # the parent fetches, before there is a job
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=begin)
    try:
        for _ in range(processes):  # each starts one more; a process that begins later might die unseen
            pool.submit(int)
        yield Engine(worker, pool, processes)
    except BaseException:
        for process in multiprocessing.active_children():
            process.kill()
        pool.shutdown()
        raise
    pool.shutdown(wait=False)


def _start_tracker() -> None:
    """Start what looks after shared memory so that it does not hear of a closed terminal, as it does not of Ctrl-C."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGHUP"):
        return
    usual = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        resource_tracker.ensure_running()
    finally:
        signal.signal(signal.SIGHUP, usual)


def _finished(pool: ProcessPoolExecutor, jobs: Sequence[Job], processes: int) -> Iterator[tuple[str, Rows]]:
    """Each job's key with its rows, as they end."""
    ended = in_order(
        jobs,
        begin=lambda job: pool.submit(_carry_out, job),
        places=lambda: processes,
        wait=lambda running: wait(running, return_when=FIRST_COMPLETED).done,
    )
    for job, future in ended:
        rows, caught = future.result()
        say_again(caught)
        yield job.key, rows


def in_order(
    jobs: Sequence[Job],
    *,
    begin: Callable[[Job], Begun],
    places: Callable[[], int],
    wait: Callable[[list[Begun]], Iterable[Begun]],
) -> Iterator[tuple[Job, Begun]]:
    """Each job with what `begin` gave for it, as it ends; it begins when those that it needs have ended.

    As many are begun at a time as there are `places`; of those that could begin, the first. So what a set is made for
    is begun before the next set is made: long jobs that were all left to the end would not fill the places. `wait`
    gives those of the running ones that have ended, at least one.
    """
    waiting, done, running = list(jobs), set[str](), dict[Begun, Job]()
    while waiting or running:
        ready = (job for job in waiting if done.issuperset(job.needs))
        for job in list(islice(ready, max(places() - len(running), 0 if running else 1))):
            running[begin(job)] = job
            waiting.remove(job)
        for ended in wait(list(running)):
            job = running.pop(ended)
            done.add(job.key)
            yield job, ended


def say_again(caught: Sequence[Warned]) -> None:
    """Say the warnings of a job in this process."""
    for warning in caught:
        warnings.warn_explicit(*warning)


_worker: list[Worker] = []
"""The worker of a process that is one of several: it alone is in here."""


def _begin(threads: int, worker: Worker, preload: str | None) -> None:
    """What a process does first. The parent alone hears what is to end it, and a process never outlives it."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    without_bars()
    _worker[:] = [worker]
    if preload is not None:
        import_module(preload)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait_for([parent.sentinel])
    os._exit(1)


def _done(job: Job, worker: Worker) -> Rows:
    """The rows of `job`, whose way is kept in its file."""
    with told(job, worker):
        return job.work(worker)


def _carry_out(job: Job) -> tuple[Rows, list[Warned]]:
    """What the job gives in this process, which is one of several."""
    return carried_out(job, _worker[0])


def carried_out(job: Job, worker: Worker) -> tuple[Rows, list[Warned]]:
    """The rows of `job`, and its warnings, which are said elsewhere."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FeatsplitWarning)
        rows = _done(job, worker)
    return rows, [Warned(str(one.message), one.category, one.filename, one.lineno) for one in caught]
