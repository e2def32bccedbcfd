"""A run: the jobs of each seed of a study, carried out, and their rows in one file.

settings -> jobs(settings, seed) for each seed -> carry_out -> rows.json, report.html, and run.json, the mark of the end
"""

import time
from collections.abc import Sequence

from featsplit.engine.events import write_plan
from featsplit.engine.jobs import Job, Worker, with_parts
from featsplit.engine.processes import Engine
from featsplit.engine.results import ROWS, Mark, summary_of
from featsplit.engine.study import Study, StudySettings
from featsplit.files import write_json
from featsplit.metadata.plain import as_json
from featsplit.models.checkpoints import versions
from featsplit.rows import Row


def jobs_of(study: Study, settings: StudySettings, seeds: Sequence[int]) -> list[Job]:
    """The jobs of all `seeds`, in their order."""
    return [job for seed in seeds for job in study.jobs(settings, seed)]


def run(study: Study, settings: StudySettings, *, seeds: Sequence[int], engine: Engine) -> list[Row]:
    """Carry out every job for each seed, in the folder of the engine's worker; the rows of all, written to rows.json.

    What an earlier run of the same settings left there is taken up: a run that was killed goes on where it stopped.
    """
    jobs = with_parts(jobs_of(study, settings, seeds), engine.worker)
    write_plan(engine.worker.folder, jobs, engine.worker.machine.precision)
    found = engine.carry_out(jobs)
    rows = [row for job in jobs for row in found[job.key]]
    write_json(engine.worker.folder / ROWS, rows)
    return rows


def mark_of(settings: StudySettings, *, seeds: Sequence[int], worker: Worker, command: str, again: str) -> Mark:
    """What the mark of a run of `settings` says, when it ends now.

    `command` made it, and `again` makes it again from its settings.toml alone.
    """
    spec = settings.source()
    data = None if spec is None else summary_of(worker.data(spec))
    today = time.strftime("%Y-%m-%d")
    return Mark(as_json(settings.plain()), tuple(seeds), data, command, again, versions(), today)
