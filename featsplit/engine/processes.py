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
from multiprocessing.connection import wait as wait_for
from typing import NamedTuple

import torch

from featsplit.engine.jobs import Job, Worker
from featsplit.errors import FeatsplitError, FeatsplitWarning
from featsplit.progress import silence
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
            return {job.key: job.work(self.worker) for job in jobs}
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
    begin = (threads, replace(worker, download=False), preload)  # the parent fetches, before there is a job
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=begin)
    try:
        for _ in range(processes):  # each starts one more; a process that begins later might die unseen
            pool.submit(int)
        yield Engine(worker, pool)
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        pool.shutdown()
        raise
    pool.shutdown(wait=False)


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
            for warning in caught:
                warnings.warn_explicit(*warning)
            yield job.key, rows


_worker: list[Worker] = []
"""The worker of a process that is one of several: it alone is in here."""


def _begin(threads: int, worker: Worker, preload: str | None) -> None:
    """What a process does first. The parent alone hears Ctrl-C, and a process never outlives it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    silence()
    _worker[:] = [worker]
    if preload is not None:
        import_module(preload)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait_for([parent.sentinel])
    os._exit(1)


def _carry_out(job: Job) -> tuple[Rows, list[Warned]]:
    """The rows of `job`, and its warnings, which the parent says."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FeatsplitWarning)
        rows = job.work(_worker[0])
    return rows, [Warned(str(one.message), one.category, one.filename, one.lineno) for one in caught]
