"""A run: the jobs of each seed of a study, carried out, and their rows in one file.

settings -> jobs(settings, seed) for each seed -> carry_out -> rows.json, run.json, report.html
"""

from collections.abc import Sequence
from dataclasses import replace

from featsplit.engine.jobs import Job
from featsplit.engine.processes import Engine
from featsplit.engine.results import ROWS, Results, close, finished_now, summary_of
from featsplit.engine.study import Study, StudySettings
from featsplit.files import write_json
from featsplit.rows import Row


def jobs_of(study: Study, settings: StudySettings, seeds: Sequence[int]) -> list[Job]:
    """The jobs of all `seeds`, in their order."""
    return [job for seed in seeds for job in study.jobs(settings, seed)]


def run(study: Study, settings: StudySettings, *, seeds: Sequence[int], engine: Engine) -> list[Row]:
    """Carry out every job for each seed, in the folder of the engine's worker; the rows of all, written to rows.json.

    What an earlier run of the same settings left there is taken up: a run that was killed goes on where it stopped.
    """
    jobs = jobs_of(study, settings, seeds)
    found = engine.carry_out(jobs)
    rows = [row for job in jobs for row in found[job.key]]
    write_json(engine.worker.folder / ROWS, rows)
    return rows


def finish(
    settings: StudySettings, rows: Sequence[Row], *, seeds: Sequence[int], engine: Engine, command: str, again: str
) -> Results[StudySettings]:
    """Mark the run that gave `rows` as finished, and return it as it will be opened.

    `command` made it, and `again` makes it again from its settings.toml alone.
    """
    spec, folder = settings.source(), engine.worker.folder
    data = None if spec is None else summary_of(engine.worker.data(spec))
    results = replace(finished_now(folder, settings, seeds=seeds, rows=rows), data=data, command=command, again=again)
    close(results, settings.plain())
    return results
