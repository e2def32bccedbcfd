"""The jobs of a run before it is begun: in which waves they can be done, and how long they would take on a machine."""

import heapq
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from featsplit.engine.events import Standing
from featsplit.engine.jobs import Job


def waves(jobs: Sequence[Job]) -> dict[str, int]:
    """The number of the wave of each job, from 0: all that it needs are done in waves before. Each stands after
    those."""
    found: dict[str, int] = {}
    for job in jobs:
        found[job.key] = max((found[key] + 1 for key in job.needs), default=0)
    return found


class Took(NamedTuple):
    """What a simulation says: the whole time, that of the longest way through the jobs, and of all jobs in sum."""

    seconds: float
    longest_way: float
    sum: float
    way: tuple[str, ...]


def simulated(jobs: Sequence[Job], slots: int, seconds: Mapping[str, float]) -> Took:
    """How long `jobs` take on `slots` places, one job at a time on each, if each takes as long as `seconds` says.

    A job that is ready begins as soon as a place is free; of several the one with the longest way behind it first.
    Moving data and starting processes take no time.
    """
    below: dict[str, list[str]] = {job.key: [] for job in jobs}
    for job in jobs:
        for key in job.needs:
            below[key].append(job.key)
    rest: dict[str, float] = {}
    after: dict[str, str | None] = {}
    for job in reversed(jobs):
        after[job.key] = max(below[job.key], key=rest.__getitem__, default=None)
        last = after[job.key]
        rest[job.key] = seconds[job.key] + (rest[last] if last is not None else 0.0)
    open_needs = {job.key: len(job.needs) for job in jobs}
    ready = [(-rest[job.key], job.key) for job in jobs if not job.needs]
    heapq.heapify(ready)
    running: list[tuple[float, str]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < slots:
            _, key = heapq.heappop(ready)
            heapq.heappush(running, (now + seconds[key], key))
        now, ended = heapq.heappop(running)
        for key in below[ended]:
            open_needs[key] -= 1
            if not open_needs[key]:
                heapq.heappush(ready, (-rest[key], key))
    first = max(rest, key=rest.__getitem__, default=None)
    way, place = list[str](), first
    while place is not None:
        way.append(place)
        place = after[place]
    return Took(now, rest[first] if first is not None else 0.0, sum(seconds.values()), tuple(way))


def expected_seconds(jobs: Sequence[Job], measured: Sequence[Standing]) -> tuple[dict[str, float], list[str]]:
    """How long each job is likely to take, by those that were `measured`; and the keys of those that none is like.

    As long as the mean of those of its kind, else of those of the same work; the rest as the mean of all.
    """
    by_name: dict[str, list[float]] = {}
    for one in measured:
        if one.seconds is not None:
            for name in {one.kind, one.work}:
                by_name.setdefault(name, []).append(one.seconds)
    usual = fmean([one.seconds for one in measured if one.seconds is not None] or [1.0])
    found, unlike = dict[str, float](), list[str]()
    for job in jobs:
        own = by_name.get(job.like) or by_name.get(type(job.work).__name__)
        found[job.key] = fmean(own or [usual])
        unlike += [] if own else [job.key]
    return found, unlike
