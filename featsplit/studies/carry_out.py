"""A whole run of any study, from its settings to its page: what `featsplit run` does."""

import shlex
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import torch

from featsplit.engine.folders import Destination, reopen
from featsplit.engine.jobs import Say, Worker
from featsplit.engine.pages import write_report
from featsplit.engine.processes import start_engine
from featsplit.engine.results import SETTINGS, close, results_of
from featsplit.engine.run import jobs_of, mark_of, run
from featsplit.engine.study import StudySettings
from featsplit.runtime import Machine
from featsplit.studies import Shown, page_of, shown_in_brief, study_named

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
    processes: int | None,
    command: str,
    say: Say,
) -> Shown:
    """Run the study of `settings` for each of `seeds` in its `place`; what a terminal shows of it.

    `root` is where torchvision's data sets lie, `command` what made the run. `processes` None: as many as suit it.
    Raises FeatsplitError where the data cannot be loaded, before anything is written.
    """
    study, worker = study_named(settings.study), Worker(place.folder, machine, root, say, download)
    count = processes or usual_processes(settings, machine)
    with start_engine(worker, processes=count, preload=f"featsplit.studies.{settings.study}") as engine:
        for name in OF_A_PAGE:  # they take their second while the processes begin
            import_module(name)
        spec = settings.source()
        if spec is not None:
            worker.data(spec)
        reopen(place, settings, jobs_of(study, settings, seeds))
        run(study, settings, seeds=seeds, engine=engine)
    again = _again(place.folder, seeds, root)
    mark = mark_of(settings, seeds=seeds, worker=worker, command=command, again=again)
    results = results_of(place.folder, study.Settings.read(mark.settings), mark)
    page = page_of(results)
    write_report(results, page)
    close(place.folder, mark)
    return shown_in_brief(results, page)


def usual_processes(settings: StudySettings, machine: Machine) -> int:
    """As many processes as torch would use threads, where the networks are small and on the CPU; else one."""
    return min(torch.get_num_threads(), 6) if settings.is_small() and machine.kind == "cpu" else 1


def _again(folder: Path, seeds: Sequence[int], root: Path | None) -> str:
    """The command that makes the run in `folder` again, from the settings that it left there alone."""
    words = ["featsplit", "run", str(folder / SETTINGS), "--seeds", ",".join(map(str, seeds))]
    words += ["--out", f"{folder}-again", *(["--data-root", str(Path(root).absolute())] if root else [])]
    return shlex.join(words)
