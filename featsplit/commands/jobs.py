"""featsplit jobs: what a run consists of, before it is begun: for a batch scheduler, and for planning."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featsplit.commands import options, single
from featsplit.commands.run import Changes, Experiments, Preset, Seeds
from featsplit.progress import clock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from featsplit.engine.jobs import Job
    from featsplit.engine.plan import Took


def jobs(
    *,
    preset: Preset,
    data_root: single.DataRoot = None,
    download: single.Download = False,
    seeds: Seeds = (0,),
    experiments: Experiments = None,
    set_: Changes = None,
    shard: Annotated[
        int | None,
        {"help": "Images of a derived set that one job makes.", "default": "1024", "min": 1, "group": "Engine"},
    ] = None,
    images: Annotated[
        int | None,
        {"help": "Plan with so many training images; the data need not be there.", "min": 1, "group": "Plan"},
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for other programs.")] = False,
    simulate: Annotated[
        int | None,
        {"help": "How long it would take on so many GPUs, or cores.", "unit": "PLACES", "group": "Plan", "min": 1},
    ] = None,
    times: Annotated[
        Path | None,
        {"help": "A run whose jobs say how long one takes (--simulate).", "unit": "RUN", "group": "Plan"},
    ] = None,
) -> None:
    """The jobs of a run, each with those that it needs: what `featsplit run --only JOB` can be given.

    Jobs of a wave need none of each other. Nothing is run or written.
    """
    from featsplit.engine.jobs import Worker, with_parts
    from featsplit.engine.run import jobs_of
    from featsplit.errors import FeatsplitError
    from featsplit.records.engine import EngineOptions
    from featsplit.runtime import CPU
    from featsplit.studies import engine_of, read_settings, study_named

    if (simulate is None) != (times is None):
        raise FeatsplitError(
            "--simulate and --times: give both, how many places and a run that says how long jobs take"
        )
    settings = read_settings(preset, [*options.experiments(experiments, preset), *(set_ or [])])
    engine = engine_of(preset, EngineOptions(shard=shard))
    worker = Worker(Path(), CPU, data_root, options.say, download, engine.shard, images=images)
    found = with_parts(jobs_of(study_named(settings.study), settings, seeds), worker)
    if simulate is not None and times is not None:
        _say_simulated(found, simulate, times)
    elif as_json:
        typer.echo(json.dumps({"jobs": _as_json(found)}, indent=1))
    else:
        _say_counted(found)


def _as_json(found: "Sequence[Job]") -> list[dict[str, object]]:
    from featsplit.engine.plan import waves

    by_wave = waves(found)
    return [
        {
            "key": job.key, "work": type(job.work).__name__, "needs": list(job.needs), "wave": by_wave[job.key],
            "trains": job.trains, "files": list(job.files),
        }
        for job in found
    ]  # fmt: skip


def _say_counted(found: "Sequence[Job]") -> None:
    from featsplit.engine.plan import waves
    from featsplit.report.cells import as_text

    by_wave = waves(found)
    table = [["wave", "jobs", "of which"]]
    for wave in range(max(by_wave.values(), default=-1) + 1):
        own = [job for job in found if by_wave[job.key] == wave]
        kinds = {
            kind: sum(type(job.work).__name__ == kind for job in own)
            for kind in sorted({type(j.work).__name__ for j in own})
        }
        table.append([str(wave), str(len(own)), ", ".join(f"{count} {kind}" for kind, count in kinds.items())])
    typer.echo(as_text(table))
    typer.echo(f"{len(found)} jobs; --json names them")


def _say_simulated(found: "Sequence[Job]", places: int, times: Path) -> None:
    from featsplit.engine.events import standings
    from featsplit.engine.plan import expected_seconds, simulated
    from featsplit.report.cells import as_text

    seconds, unlike = expected_seconds(found, standings(times))
    tried = {
        count: simulated(found, count, seconds) for count in sorted({1, 2, 4, 8, 16, 32, places}) if count <= places
    }
    one: Took = tried[1]
    table = [["places", "time", "speed-up", "busy"]]
    for count, took in tried.items():
        share = took.sum / (count * took.seconds)
        table.append([str(count), clock(took.seconds), f"{one.seconds / took.seconds:.1f}", f"{100 * share:.0f} %"])
    typer.echo(as_text(table))
    typer.echo(f"{len(found)} jobs; the longest way through them takes {clock(one.longest_way)}:")
    for key in one.way:
        typer.echo(f"  {seconds[key]:8.1f} s  {key}")
    if unlike:
        typer.echo(f"{len(unlike)} jobs are like none of {times} and count as the mean of its jobs: {unlike[0]} ...")
