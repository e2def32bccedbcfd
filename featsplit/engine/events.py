"""What happens in a run, kept in its folder as it happens: how far each job is, where, and since when.

`events/plan.json` says which jobs there are; each job appends to a file of its own, `events/KEY.jsonl`, so that none
waits for another, on whatever machine it runs. Whoever sees the folder can read both; nothing of a run depends on them.
"""

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Literal, NamedTuple, get_args

from featsplit.curves import FOLDER
from featsplit.engine.jobs import Job, Worker
from featsplit.errors import FeatsplitError
from featsplit.files import nothing_written_since, write_json
from featsplit.metadata.plain import Fields, mapping, names, number, sequence, text
from featsplit.progress import add_event, curves_in, keep_events
from featsplit.records.machine import Precision

EVENTS, PLAN = "events", "plan.json"
State = Literal["waiting", "running", "done", "failed"]


def write_plan(folder: Path, jobs: Sequence[Job], precision: Precision = "auto") -> None:
    """Say which jobs the run in `folder` has, and in which `precision` all of them are done."""
    plan = {
        "jobs": [{"key": job.key, "kind": job.like, "work": type(job.work).__name__} for job in jobs],
        "began": round(time.time(), 2),
        "precision": precision,
    }
    write_json(folder / EVENTS / PLAN, plan)


def planned_precision(folder: Path) -> Precision:
    """The precision of the run in `folder`, as it was decided when it began; "auto" where nothing is said of it."""
    try:
        said = mapping(json.loads((folder / EVENTS / PLAN).read_text())).get("precision")
    except (OSError, ValueError, TypeError):
        return "auto"
    return next((one for one in get_args(Precision) if one == said), "auto")


@contextmanager
def told(job: Job, worker: Worker) -> Iterator[None]:
    """Inside, what the job does is told in its file: that it began, how far it is, and how it ended.

    Where the worker keeps `curves`, those of what it trains go to `tensorboard/KEY`.
    """
    path = events_of(worker.folder, job.key)
    path.parent.mkdir(parents=True, exist_ok=True)
    keep_events(path)
    before, began = _was_done(job, worker.folder), time.perf_counter()
    add_event(state="running", device=_device(worker))
    try:
        with curves_in(worker.folder / FOLDER / path.stem if worker.curves else None):
            yield
    except BaseException:
        add_event(state="failed")
        raise
    else:
        alone = worker.ranks == 1  # other processes may have written
        kept = before and alone and nothing_written_since(began)
        add_event(state="done", seconds=round(time.perf_counter() - began, 2), **({"kept": True} if kept else {}))
    finally:
        keep_events(None)


def _was_done(job: Job, folder: Path) -> bool:
    """Whether an earlier start of the run in `folder` has done `job`, or all its files are there from another run."""
    done = any(event.get("state") == "done" for event in _read(events_of(folder, job.key)))
    return done or (bool(job.files) and all((folder / file).is_file() for file in job.files))


def _device(worker: Worker) -> str:
    """Where the job runs, as "cuda 3": Ray shows each process only the GPUs that it has."""
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "") if worker.machine.kind == "cuda" else ""
    return f"{worker.machine.device} {seen}".strip()


def events_of(folder: Path, key: str) -> Path:
    """The file of the job `key` of the run in `folder`."""
    return folder / EVENTS / f"{key.replace('/', '--').replace(' ', '-')}.jsonl"


class Standing(NamedTuple):
    """How a job stands: its `state`, where it runs, and what it said last ("train robust: 30 %, loss 0.31").

    One that was `kept` had been done before, and left nothing new.
    """

    key: str
    kind: str
    state: State
    where: str = ""
    far: str = ""
    seconds: float | None = None
    work: str = ""
    kept: bool = False


def standings(folder: Path) -> list[Standing]:
    """How each job of the run in `folder` stands; FeatsplitError where there is none that was begun."""
    try:
        plan = mapping(json.loads((folder / EVENTS / PLAN).read_text()))
        jobs, began = [names(job) for job in sequence(plan["jobs"])], number(plan["began"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FeatsplitError(
            f"{folder}: no run was begun there; make one with featsplit run ... --out FOLDER"
        ) from error
    return [
        _standing(job["key"], job["kind"], _read(events_of(folder, job["key"])), began)._replace(work=job["work"])
        for job in jobs
    ]


def seconds_left(found: Sequence[Standing]) -> float | None:
    """How long the rest will take by the jobs that ended: as long as their like, as many at a time as run now."""
    of_kind: dict[str, list[float]] = {}
    for one in found:
        if one.seconds is not None:
            of_kind.setdefault(one.kind, []).append(one.seconds)
    rest = [one for one in found if one.state in ("waiting", "running")]
    if not of_kind or not rest:
        return None if rest else 0.0
    usual = fmean(seconds for times in of_kind.values() for seconds in times)
    at_a_time = max(1, sum(one.state == "running" for one in found))
    return sum(fmean(of_kind.get(one.kind, [usual])) for one in rest) / at_a_time


def _read(path: Path) -> list[Fields]:
    """The events of a job; a last line that is not whole yet is left out."""
    found: list[Fields] = []
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            found.append(mapping(json.loads(line)))
        except ValueError:
            continue
    return found


def _standing(key: str, kind: str, events: Sequence[Fields], began: float) -> Standing:
    """By the last events since the run `began`; what an earlier start of it did counts where the job was done then."""
    states = [event for event in events if "state" in event]
    if not states:
        return Standing(key, kind, "waiting")
    last = states[-1]
    state = text(last["state"])
    if state == "running" and number(last["time"]) < began:
        return Standing(key, kind, "waiting")
    known: State = "done" if state == "done" else "failed" if state == "failed" else "running"
    said = [event for event in events[events.index(last) :] if "title" in event] if known == "running" else []
    ended = [number(event["seconds"]) for event in states if "seconds" in event]
    where = f"{last.get('host')}:{last.get('process')} {states[-1].get('device', '')}".strip()
    return Standing(
        key, kind, known, where if known == "running" else "", _far(said), max(ended, default=None), kept="kept" in last
    )


def _far(said: Sequence[Fields]) -> str:
    if not said:
        return ""
    last = said[-1]
    share = 100 * number(last["done"]) / max(number(last["total"]), 1)
    return ", ".join([f"{last['title']} {share:.0f} %", *([text(last["figures"])] if "figures" in last else [])])
