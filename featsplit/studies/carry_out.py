"""A whole run of any study, from its settings to its page: what `featsplit run` does."""

import shlex
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

import torch

from featsplit.engine.events import planned_precision
from featsplit.engine.folders import Destination, join, plain_of, reopen
from featsplit.engine.jobs import Job, Say, Worker, with_parts
from featsplit.engine.locks import held_alone
from featsplit.engine.on_ray import start_ray
from featsplit.engine.pages import write_report
from featsplit.engine.processes import Engine, start_engine
from featsplit.engine.results import SETTINGS, close, results_of
from featsplit.engine.run import jobs_of, mark_of, run
from featsplit.engine.study import StudySettings
from featsplit.errors import FeatsplitError
from featsplit.records.engine import EngineSpec
from featsplit.runtime import Machine
from featsplit.studies import Shown, page_of, shown_in_brief, study_named
from featsplit.studies.beforehand import announced, kept_jobs

OF_A_PAGE = ("scipy.stats", "matplotlib.figure")
"""What only a page needs."""


def carry_out(
    settings: StudySettings,
    place: Destination,
    *,
    seeds: Sequence[int],
    machine: Machine,
    root: Path | None,
    download: bool,
    engine: EngineSpec,
    command: str,
    say: Say,
    time: str | None = None,
) -> Shown:
    """Run the study of `settings` for each of `seeds` in its `place`; what a terminal shows of it.

    `root` is where torchvision's data sets lie, `command` what made the run, `engine` on what its jobs are carried out,
    `time` a line on how long that will take. What will be done is said before it begins.
    Raises FeatsplitError where the data cannot be loaded, before anything is written.
    """
    study, machine = study_named(settings.study), _decided(machine, place, settings, engine)
    worker = _as_said(Worker(place.folder, machine, root, say, download), engine)
    _check_ranks(engine, jobs_of(study, settings, seeds))
    with held_alone(place.folder):
        with _started(engine, worker, settings) as at_work:
            for name in OF_A_PAGE:  # they take their second while the processes begin
                import_module(name)
            spec = settings.source()
            data = None if spec is None else worker.data(spec)
            jobs = jobs_of(study, settings, seeds)
            count, where = len(with_parts(jobs, worker)), _where(engine, machine, settings)
            lines = announced(settings, seeds, data=data, jobs=count, where=where, folder=place.folder)
            for line in (*lines, *([] if time is None else [time]), *settings.notes()):
                say(line)
            reopen(place, settings, jobs)
            run(study, settings, seeds=seeds, engine=at_work)
        for line in kept_jobs(place.folder):
            say(line)
        again = _again(place.folder, seeds, root)
        mark = mark_of(settings, seeds=seeds, worker=worker, command=command, again=again)
        results = results_of(place.folder, study.Settings.read(mark.settings), mark)
        page = page_of(results)
        write_report(results, page)
        close(place.folder, mark)
    return shown_in_brief(results, page)


def carry_out_jobs(
    settings: StudySettings,
    place: Destination,
    keys: Sequence[str],
    *,
    seeds: Sequence[int],
    machine: Machine,
    root: Path | None,
    download: bool,
    engine: EngineSpec,
    say: Say,
) -> None:
    """Do the jobs `keys` of the run of `settings` alone, in its `place`, where those that they need have been done.

    Others may be done there at the same time, on other machines: each leaves files of its own. FeatsplitError for a key
    that is of no job.
    """
    study, machine = study_named(settings.study), _decided(machine, place, settings, engine)
    worker = _as_said(Worker(place.folder, machine, root, say, download), engine)
    jobs = with_parts(jobs_of(study, settings, seeds), worker)
    _check_ranks(engine, jobs)
    known = {job.key: job for job in jobs}
    for key in keys:
        if key not in known:
            nearest = get_close_matches(key, known, n=1)
            hint = f'; did you mean "{nearest[0]}"?' if nearest else ""
            raise FeatsplitError(f"--only {key}: is no job of this run; featsplit jobs --json names them{hint}")
    join(place, settings, jobs, machine.precision)
    alone = replace(engine, workers=1) if len(keys) == 1 and engine.engine != "ray" else engine
    with _started(alone, worker, settings) as at_work:
        at_work.carry_out([replace(known[key], needs=()) for key in keys])
    say(f"{len(keys)} of the jobs of {place.folder} done")


def _decided(machine: Machine, place: Destination, settings: StudySettings, engine: EngineSpec) -> Machine:
    """`machine` with a precision that all jobs of the run share, whatever machine they are done on.

    It is that of the run which was begun in its place, or decided now; with Ray, where the jobs are done.
    """
    begun = place.there is not None and place.there.settings == plain_of(settings)
    said = planned_precision(place.folder) if begun else "auto"
    if machine.precision != "auto" or (said == "auto" and engine.engine == "ray"):
        return machine
    return machine._replace(precision=("bfloat16" if machine.half else "float32") if said == "auto" else said)


def _as_said(worker: Worker, engine: EngineSpec) -> Worker:
    """The `worker` as `engine` wants it."""
    return replace(worker, shard=engine.shard, ranks=engine.ranks, curves=engine.log is not None)


def _check_ranks(engine: EngineSpec, jobs: Sequence[Job]) -> None:
    """Raise FeatsplitError where several processes are to train a network together, and no job lets them."""
    if engine.ranks > 1 and not any(job.trains for job in jobs):
        raise FeatsplitError(f"--ranks {engine.ranks}: no network of this study can be trained so; leave it out")


def _started(engine: EngineSpec, worker: Worker, settings: StudySettings) -> AbstractContextManager[Engine]:
    """What `engine` says, begun; its processes load the study meanwhile."""
    preload = f"featsplit.studies.{settings.study}"
    if engine.engine == "ray":
        return start_ray(worker, engine, preload=preload, data=settings.shared())
    return start_engine(worker, processes=_processes(engine, worker.machine, settings), preload=preload)


def _processes(engine: EngineSpec, machine: Machine, settings: StudySettings) -> int:
    return engine.workers or usual_processes(machine, small=settings.is_small())


def _where(engine: EngineSpec, machine: Machine, settings: StudySettings) -> str:
    """On what the jobs are carried out, in words."""
    if engine.engine == "ray":
        return "on Ray"
    count = _processes(engine, machine, settings)
    return f"in {count} process{'es' if count > 1 else ''} on {machine.device}"


def usual_processes(machine: Machine, *, small: bool) -> int:
    """As many processes as torch would use threads, where the networks are `small` and on the CPU; else one."""
    return min(torch.get_num_threads(), 6) if small and machine.kind == "cpu" else 1


def _again(folder: Path, seeds: Sequence[int], root: Path | None) -> str:
    """The command that makes the run in `folder` again, from the settings that it left there alone."""
    words = ["featsplit", "run", str(folder / SETTINGS), "--seeds", ",".join(map(str, seeds))]
    words += ["--out", f"{folder}-again", *(["--data-root", str(Path(root).absolute())] if root else [])]
    return shlex.join(words)
