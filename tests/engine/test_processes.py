"""Jobs in this process or in several: the same rows, what is needed first, data loaded once, and no process left."""

import os
import re
import signal
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from featsplit.data.sources import DataSpec
from featsplit.engine import processes
from featsplit.engine.jobs import Job, Worker
from featsplit.engine.locks import LOCK
from featsplit.engine.processes import Engine, in_order, start_engine
from featsplit.errors import FeatsplitError, FeatsplitWarning
from featsplit.runtime import Machine
from tests.started import TINY, kill, start, until
from tests.works import DIAMOND, Fail, Leave, Load, Warn


@pytest.fixture(params=[1, 2], ids=["in this process", "in two others"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    worker = Worker(tmp_path, Machine(torch.device("cpu"), "float32"), None, print)
    with start_engine(worker, processes=request.param, preload="tests.works") as started:
        yield started


def test_a_job_begins_when_what_it_needs_has_ended(engine: Engine) -> None:
    assert engine.carry_out(DIAMOND) == {"a": [{"n": 1}], "b": [{"n": 2}], "c": [{"n": 2}], "d": [{"n": 5}]}


def test_of_the_jobs_that_could_begin_the_first_does_and_no_more_than_there_are_places() -> None:
    """Sets b and d have two parts each: what b is made for begins before the parts of d, of which one is long."""
    done = Leave("")
    jobs = [Job("a", done)]
    for name in ("b", "d"):
        parts = tuple(f"{name}/{number}" for number in range(2))
        jobs += [*(Job(part, done, ("a",)) for part in parts), Job(name, done, parts)]
    begun, running = list[str](), list[str]()

    def begin(job: Job) -> str:
        begun.append(job.key)
        running.append(job.key)
        assert len(running) <= 2
        return job.key

    def wait(keys: list[str]) -> list[str]:
        assert sorted(keys) == sorted(running)
        running.remove(keys[0])
        return keys[:1]

    ended = [job.key for job, _ in in_order(jobs, begin=begin, places=lambda: 2, wait=wait)]
    assert begun == ["a", "b/0", "b/1", "d/0", "b", "d/1", "d"]
    assert sorted(ended) == sorted(job.key for job in jobs)
    begun.clear()
    list(in_order(jobs, begin=begin, places=lambda: 0, wait=wait))
    assert begun == [job.key for job in jobs], "one at a time where there seems to be no place at all"


def test_a_worker_loads_data_once_a_process(engine: Engine) -> None:
    spec, count = DataSpec("digits", limit=40, limit_test=20, seed=os.getpid()), defaultdict[int, set[int]](set)
    for rows in engine.carry_out([Job(str(number), Load(spec)) for number in range(8)]).values():
        count[rows[0]["seed"]].add(rows[0]["n"])
    assert all(len(seen) == 1 for seen in count.values()), "each job of a process had the same data"
    assert (os.getpid() in count) == (engine.pool is None)
    assert len(count) <= 2


def test_a_warning_of_a_job_is_a_warning_of_the_run(engine: Engine) -> None:
    first, second = "3 of 7 are odd", "4 of 7 are even"
    with pytest.warns(FeatsplitWarning) as caught:
        engine.carry_out([Job(first, Warn(first)), Job(second, Warn(second), (first,))])
    assert [str(each.message) for each in caught] == [first, second]


def test_an_error_of_a_job_is_the_error_of_the_run(engine: Engine) -> None:
    with pytest.raises(FeatsplitError, match=r"^it is so$"):
        engine.carry_out([Job("a", Fail("it is so")), Job("b", Leave("b"), ("a",))])


def test_a_process_knows_its_worker_alone_and_loads_what_it_is_told(tmp_path: Path) -> None:
    """The scheduler names no study: what its processes load is an argument."""
    assert "studies" not in Path(processes.__file__).read_text()
    worker = Worker(tmp_path, Machine(torch.device("cpu"), "float32"), None, print)
    with (
        pytest.raises(FeatsplitError, match="a worker process was killed"),
        start_engine(worker, processes=2, preload="featsplit.no_such_module") as engine,
    ):
        engine.carry_out([Job("a", Leave("a"))])


@pytest.mark.parametrize(
    ("workers", "how", "all_of_them"),
    [
        pytest.param("1", signal.SIGINT, False, marks=pytest.mark.long),
        ("2", signal.SIGINT, True),
        ("1", signal.SIGTERM, False),
        pytest.param("2", signal.SIGTERM, True, marks=pytest.mark.long),
        ("2", signal.SIGHUP, True),
    ],
)
def test_what_a_terminal_or_a_scheduler_sends_ends_in_one_line(
    tmp_path: Path, workers: str, how: signal.Signals, all_of_them: bool
) -> None:
    """Ctrl-C, a closed terminal and a scheduler's end of time reach the process, or it and all that it started."""
    (tmp_path / "tiny.toml").write_text(TINY.replace("epochs = 4", "epochs = 4000"))
    process = start(tmp_path, "--workers", workers)
    until((tmp_path / "out" / "seed0" / "models" / ".adversarial.safetensors.training").exists)
    children = offspring(process.pid)
    assert len(children) >= (2 if workers == "2" else 0)
    for child in children if all_of_them else []:
        os.kill(child, how)
    err = kill(process, how)
    assert process.returncode == 130
    *progress, last = err.splitlines()
    assert last == "featsplit: interrupted; run, train and build go on where they stopped"
    assert not [line for line in progress if "Traceback" in line or "resource_tracker" in line or "Error" in line]
    until(lambda: not any(map(alive, children)))
    assert not (tmp_path / "out" / LOCK).exists()


def offspring(pid: int) -> list[int]:
    """The processes that `pid` has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    if not found.exists():
        pytest.skip("only Linux tells the children of a process")
    return [int(child) for child in found.read_text().split()]


def alive(pid: int) -> bool:
    """Whether the process runs (one that has ended, and waits to be noticed, does not)."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("victim", ["parent", "worker"])
def test_who_is_killed_takes_the_others_along(tmp_path: Path, victim: str) -> None:
    (tmp_path / "tiny.toml").write_text(TINY.replace("epochs = 4", "epochs = 4000"))
    process = start(tmp_path, "--workers", "2")
    until((tmp_path / "out" / "seed0" / "models" / ".adversarial.safetensors.training").exists)
    children = offspring(process.pid)
    os.kill(process.pid if victim == "parent" else children[-1], signal.SIGKILL)
    err = process.communicate(timeout=60)[1]
    until(lambda: not any(map(alive, children)))
    if victim == "worker":
        assert process.returncode == 2
        assert err.splitlines()[-1] == "featsplit: a worker process was killed (out of memory?); try --workers 1"


def test_an_error_in_a_worker_is_the_users_error(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY.replace("[train]", "[train]\nlr = 1e30"))
    process = start(tmp_path, "--workers", "2")
    err = process.communicate(timeout=120)[1]
    assert process.returncode == 2
    assert re.search(r"^featsplit: train.lr = 1e\+30: the loss is (nan|inf) in epoch 1; lower the rate$", err, re.M)
    assert "Traceback" not in err
