"""Jobs in the order of their needs: one after the other, or side by side in processes of a thread or a few each.

A small network does not keep two threads busy: two processes of one thread beat one process of two.
"""

import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from multiprocessing import resource_tracker
from multiprocessing.connection import wait as wait_for
from typing import NamedTuple

import torch

from featsplit.engine.events import told
from featsplit.engine.jobs import Job, Worker
from featsplit.errors import FeatsplitError, FeatsplitWarning
from featsplit.progress import without_bars
from featsplit.rows import Row

Rows = Sequence[Row]


class Warned(NamedTuple):
    """A warning of a job in another process, as `warnings.warn_explicit` takes it."""

    message: str
    category: type[Warning]
    filename: str
    line: int


class Engine:
    """This process itself, or several others, each with the `worker`; they share the threads that torch would use."""

    def __init__(self, worker: Worker, pool: ProcessPoolExecutor | None = None) -> None:
        self.worker, self.pool = worker, pool

    def carry_out(self, jobs: Sequence[Job]) -> dict[str, Rows]:
        """The rows of each job, by its key. Each of `jobs` stands after those that it needs.

        An error in one job, or Ctrl-C, ends them all.
        """
        if self.pool is None:
            return {job.key: _done(job, self.worker) for job in jobs}
        try:
            return dict(_finished(self.pool, jobs))
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
        yield Engine(worker, pool)
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


def _finished(pool: ProcessPoolExecutor, jobs: Sequence[Job]) -> Iterator[tuple[str, Rows]]:
    """Each job's key with its rows, as they end; a job is handed in when those it needs have ended."""
    waiting, done = list(jobs), set[str]()
    running: dict[Future[tuple[Rows, list[Warned]]], Job] = {}
    while waiting or running:
        ready = [job for job in waiting if done.issuperset(job.needs)]
        running |= {pool.submit(_carry_out, job): job for job in ready}
        waiting = [job for job in waiting if job not in ready]
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            job = running.pop(future)
            done.add(job.key)
            rows, caught = future.result()
            say_again(caught)
            yield job.key, rows


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
