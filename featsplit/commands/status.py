"""featsplit status: what a run is doing, and for how long yet, from any machine that sees its folder."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer


def status(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    follow: Annotated[
        bool, typer.Option("--follow", help="Say it again every five seconds, until the run ends.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a job, for other programs.")] = False,
) -> None:
    """Which jobs of RUN are done, which run where and how far, and the time left."""
    from featsplit.engine.events import seconds_left, standings
    from featsplit.engine.results import RUN
    from featsplit.progress import clock
    from featsplit.report.cells import as_text

    while True:
        found = standings(run)
        if as_json:
            for one in found:
                typer.echo(json.dumps(one._asdict()))
        else:
            now = [one for one in found if one.state in ("running", "failed")]
            if now:
                shown = [[one.key, one.state, one.where, one.far] for one in now]
                typer.echo(as_text([["job", "state", "where", "how far"], *shown]))
            left, states = seconds_left(found), [one.state for one in found]
            rest = f", about {clock(left)} left" if left else ""
            done, running = states.count("done"), states.count("running")
            typer.echo(f"{done} of {len(found)} jobs done, {running} running{rest}")
        ended = (run / RUN).exists() or all(one.state == "done" for one in found)
        failed = any(one.state == "failed" for one in found) and not any(one.state == "running" for one in found)
        if not follow or ended or failed:
            return
        time.sleep(5)
