"""What a run tells of itself while it goes on: which jobs are done, which run, how far, and how long yet."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.engine.events import (
    Standing,
    events_of,
    planned_precision,
    seconds_left,
    standings,
    told,
    write_plan,
)
from featsplit.engine.jobs import Job, Worker
from featsplit.errors import FeatsplitError
from featsplit.progress import add_event
from featsplit.runtime import Machine
from tests.works import Fail, Leave

JOBS = [
    Job("seed0/a", Leave("a")),
    Job("seed0/b c", Leave("b")),
    Job("seed0/d", Fail("so")),
    Job("seed1/a", Leave("e")),
]


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path, Machine(torch.device("cpu"), "float32"), None, print)


def test_each_job_tells_that_it_began_how_far_it_is_and_how_it_ended(worker: Worker) -> None:
    write_plan(worker.folder, JOBS)
    assert [one.state for one in standings(worker.folder)] == ["waiting"] * 4
    with told(JOBS[0], worker):
        pass
    with pytest.raises(FeatsplitError, match="so"), told(JOBS[2], worker):
        raise FeatsplitError("so")
    with told(JOBS[1], worker):
        add_event(title="train robust", done=3, total=10, figures="loss 0.31")
        first, second, third, last = standings(worker.folder)
    assert (first.state, third.state, last.state) == ("done", "failed", "waiting")
    assert first.seconds is not None
    assert first.seconds < 1
    assert (second.state, second.far) == ("running", "train robust 30 %, loss 0.31")
    assert second.where.endswith(" cpu")


def test_a_job_is_kept_where_it_was_done_and_this_process_alone_could_have_written(worker: Worker) -> None:
    write_plan(worker.folder, JOBS[:1])
    for ranks, kept in ((1, False), (2, False), (1, True)):
        with told(JOBS[0], replace(worker, ranks=ranks)):
            pass
        assert standings(worker.folder)[0].kept is kept


def test_what_ran_when_the_run_was_killed_waits_when_it_is_started_again(worker: Worker) -> None:
    path = events_of(worker.folder, "seed0/a")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"time": 5.0, "state": "running"}) + "\n" + '{"time": 6.0, "ti')
    write_plan(worker.folder, JOBS)
    assert standings(worker.folder)[0].state == "waiting"


def test_the_rest_takes_as_long_as_its_like_as_many_at_a_time_as_run_now() -> None:
    found = [
        Standing("a", "Train", "done", seconds=10),
        Standing("b", "Train", "done", seconds=20),
        Standing("c", "Build", "done", seconds=3),
        Standing("d", "Train", "running"),
        Standing("e", "Build", "running"),
        Standing("f", "Train", "waiting"),
        Standing("g", "Evaluate", "waiting"),
    ]
    assert seconds_left(found) == (15 + 3 + 15 + 11) / 2
    assert seconds_left(found[:3]) == 0
    assert seconds_left(found[3:]) is None


def test_the_command_shows_it_in_text_and_as_json(worker: Worker) -> None:
    write_plan(worker.folder, JOBS)
    with told(JOBS[0], worker):
        pass
    with told(JOBS[1], worker):
        add_event(title="train robust", done=3, total=10)
        shown = CliRunner().invoke(app, ["status", str(worker.folder)]).stdout
        plain = CliRunner().invoke(app, ["status", str(worker.folder), "--json"]).stdout
    (line,) = (line for line in shown.splitlines() if line.startswith("seed0/b c"))
    assert line.split()[2] == "running"
    assert line.endswith(" cpu  train robust 30 %"), "where it runs, and how far it is"
    assert "1 of 4 jobs done, 1 running" in shown
    assert [json.loads(line)["state"] for line in plain.splitlines()] == ["done", "running", "waiting", "waiting"]


def test_following_ends_where_a_job_failed_and_none_runs(worker: Worker) -> None:
    """What is left waits for nobody."""
    write_plan(worker.folder, JOBS)
    with pytest.raises(FeatsplitError, match="so"), told(JOBS[2], worker):
        raise FeatsplitError("so")
    shown = CliRunner().invoke(app, ["status", str(worker.folder), "--follow"]).stdout
    assert "0 of 4 jobs done, 0 running" in shown


def test_following_ends_where_the_run_is_finished(worker: Worker) -> None:
    """Though jobs of it are not told of, since it took up what another had done."""
    write_plan(worker.folder, JOBS)
    (worker.folder / "run.json").write_text("{}")
    assert "0 of 4 jobs done" in CliRunner().invoke(app, ["status", str(worker.folder), "--follow"]).stdout


def test_the_precision_of_a_run_is_that_of_its_plan(worker: Worker) -> None:
    assert planned_precision(worker.folder) == "auto"
    write_plan(worker.folder, JOBS, "bfloat16")
    assert planned_precision(worker.folder) == "bfloat16"


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeatsplitError, match="no run was begun there"):
        standings(tmp_path)
