"""Jobs in the order of what they need: one after the other, or side by side in processes of a thread or a few each.

A small network does not keep two threads busy: two processes of one thread beat one process of two.
"""

import multiprocessing
import os
import pickle
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib import import_module
from multiprocessing.connection import wait as wait_for
from typing import Any, TypeVar

import torch

from featsplit.errors import FeatsplitError, FeatsplitWarning
from featsplit.progress import silence

Job = TypeVar("Job")
Result = TypeVar("Result")


class Workers:
    """One or more workers: this process itself, or as many others, which share the threads that torch would use."""

    def __init__(self, pool: ProcessPoolExecutor | None = None) -> None:
        self.pool = pool

    def carry_out(self, work: Callable[[Job], Result], needs: Mapping[Job, Sequence[Job]]) -> dict[Job, Result]:
        """`work(job)` for each job of `needs`, after the jobs that it needs, which come before it in `needs`.

        In other processes `work` and its results must be picklable. An error in one job, or Ctrl-C, ends them all.
        """
        if self.pool is None:
            return {job: work(job) for job in needs}
        try:
            return dict(_finished(self.pool, pickle.dumps(work), needs))
        except BrokenProcessPool as error:
            raise FeatsplitError("a worker process was killed (out of memory?); try --workers 1") from error


@contextmanager
def start_workers(count: int) -> Iterator[Workers]:
    """`count` workers, which begin to load what they need while the caller does something else."""
    if count == 1:
        yield Workers()
        return
    context, threads = multiprocessing.get_context("spawn"), max(1, torch.get_num_threads() // count)
    with ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(threads,)) as pool:
        try:
            for _ in range(count):  # each starts one more; a process that begins later might die unseen
                pool.submit(int)
            yield Workers(pool)
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def _finished(pool: ProcessPoolExecutor, work: bytes, needs: Mapping[Job, Sequence[Job]]) -> Iterator[tuple[Job, Any]]:
    """Each job with its result, as they end; a job is handed in when those it needs have ended."""
    waiting, done = list(needs), set[Job]()
    running: dict[Future[Any], Job] = {}
    while waiting or running:
        ready = [job for job in waiting if done.issuperset(needs[job])]
        running |= {pool.submit(_do, work, job): job for job in ready}
        waiting = [job for job in waiting if job not in ready]
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            job = running.pop(future)
            done.add(job)
            result, said = future.result()
            for words in said:
                warnings.warn_explicit(*words)
            yield job, result


def _begin(threads: int) -> None:
    """What a worker does first. The parent alone hears Ctrl-C, and a worker never outlives it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    silence()
    import_module("featsplit.experiment.run")


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait_for([parent.sentinel])
    os._exit(1)


def _do(work: bytes, job: Any) -> tuple[Any, list[tuple[str, type[Warning], str, int]]]:
    """The result, and the warnings, which the parent says. Bytes, not a tensor in shared memory, of which a container
    may have little.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FeatsplitWarning)
        result = pickle.loads(work)(job)
    return result, [(str(each.message), each.category, each.filename, each.lineno) for each in caught]
