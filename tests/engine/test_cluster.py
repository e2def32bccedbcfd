"""A run on a cluster of which something dies: it ends as one process alone would have, to the byte."""

import gc
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from benchmarks.faults import digests, leftovers
from featsplit.engine.events import events_of
from tests.least import LEAST

cluster_utils: Any = pytest.importorskip("ray.cluster_utils")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Ray leaves its processes and files to the collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SOME = LEAST.replace("epochs = 2", "epochs = 6").replace("steps = 1 }", "steps = 500 }")
SOON = {"health_check_period_ms": 300, "health_check_timeout_ms": 500, "health_check_failure_threshold": 3}
STORE = 80 * 2**20
TRAINING = "seed0/adversarial"
SHARD = "seed0/det/part-1"
WAIT = 120.0
Event = dict[str, Any]


class Machines:
    """A head without CPUs, and two machines of one CPU each."""

    def __init__(self) -> None:
        head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": STORE, "_system_config": SOON}
        self.cluster = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
        self.nodes = [self._add(), self._add()]

    def _add(self) -> Any:
        return self.cluster.add_node(num_cpus=1, object_store_memory=STORE)

    def lose(self, process: int) -> None:
        """Take away, without grace, the machine that `process` works on; another takes its place."""
        parent = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        (place,) = (row for row, node in enumerate(self.nodes) if parent in _pids(node))
        self.cluster.remove_node(self.nodes[place], allow_graceful=False)
        self.nodes[place] = self._add()


def _pids(node: Any) -> list[int]:
    return [one.process.pid for kind in node.all_processes.values() for one in kind]


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    found = Machines()
    yield found
    found.cluster.shutdown()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("settings") / "some.toml"
    path.write_text(SOME.replace("[perturb]\neps = 1.5\nsteps = 2", "[perturb]\neps = 1.5\nsteps = 1500"))
    return path


@pytest.fixture(scope="module")
def alone(settings: Path) -> dict[str, str]:
    """The files of a run by one process of one thread."""
    out = settings.parent / "alone"
    assert started(settings, out, "--workers", "1").wait(WAIT) in (0, 1)
    return digests(out)


def started(settings: Path, out: Path, *flags: str) -> "subprocess.Popen[bytes]":
    words = ["run", str(settings), "--seeds", "0,1", "--device", "cpu", "--shard", "15", *flags, "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "featsplit", *words]
    with log_of(out).open("w") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def log_of(out: Path) -> Path:
    """What the run in `out` says."""
    return out.with_suffix(".log")


def events(out: Path, key: str) -> list[Event]:
    path = events_of(out, key)
    lines = path.read_text().splitlines() if path.is_file() else []
    with suppress(ValueError):  # the last may be half of one
        return [json.loads(line) for line in lines]
    return []


def tries(out: Path, key: str) -> list[list[Event]]:
    """The events of each try of the job."""
    found: list[list[Event]] = []
    for event in events(out, key):
        if event.get("state") == "running":
            found.append([])
        found[-1].append(event)
    return found


def wait_until(what: Callable[[], bool], process: "subprocess.Popen[bytes]", out: Path) -> None:
    end = time.monotonic() + WAIT
    while not what():
        assert process.poll() is None, log_of(out).read_text()
        assert time.monotonic() < end
        time.sleep(0.02)


def learned(out: Path) -> Callable[[], bool]:
    """Whether the first try of the adversarial training has two epochs behind it."""
    return lambda: any(event.get("done") == 2 and "loss" in event for event in events(out, TRAINING))


def same(out: Path, alone: dict[str, str]) -> None:
    assert digests(out) == alone
    assert leftovers(out) == ()


@pytest.mark.parametrize("victim", ["machine", "worker"])
def test_training_goes_on_elsewhere(
    victim: str, machines: Machines, settings: Path, alone: dict[str, str], tmp_path: Path
) -> None:
    run = started(settings, tmp_path / "run", "--engine", "ray", "--address", machines.cluster.address)
    wait_until(learned(tmp_path / "run"), run, tmp_path / "run")
    process = int(events(tmp_path / "run", TRAINING)[-1]["process"])
    machines.lose(process) if victim == "machine" else os.kill(process, signal.SIGKILL)
    assert run.wait(WAIT) in (0, 1)
    first, *_, second = tries(tmp_path / "run", TRAINING)  # of a loaded machine a node may be given up once more
    assert first[-1]["process"] != second[-1]["process"]
    epochs = [event["done"] for event in second if "loss" in event]
    assert epochs[0] > 2
    assert epochs[-1] == 6
    same(tmp_path / "run", alone)


def test_a_driver_that_died_is_started_again(
    machines: Machines, settings: Path, alone: dict[str, str], tmp_path: Path
) -> None:
    flags = ("--engine", "ray", "--address", machines.cluster.address)
    run = started(settings, tmp_path / "run", *flags)
    wait_until(learned(tmp_path / "run"), run, tmp_path / "run")
    run.kill()
    run.wait()
    assert not (tmp_path / "run" / "run.json").exists()
    assert started(settings, tmp_path / "run", *flags).wait(WAIT) in (0, 1)
    same(tmp_path / "run", alone)


def test_a_shard_is_made_elsewhere(machines: Machines, settings: Path, alone: dict[str, str], tmp_path: Path) -> None:
    run = started(settings, tmp_path / "run", "--engine", "ray", "--address", machines.cluster.address)
    wait_until(lambda: bool(events(tmp_path / "run", SHARD)), run, tmp_path / "run")
    first = events(tmp_path / "run", SHARD)
    assert [event["state"] for event in first] == ["running"], "it has not ended yet"
    machines.lose(int(first[0]["process"]))
    assert run.wait(WAIT) in (0, 1)
    assert len(tries(tmp_path / "run", SHARD)) == 2
    assert alone["seed0/sets/det.h5"] == digests(tmp_path / "run")["seed0/sets/det.h5"]
    same(tmp_path / "run", alone)


def test_an_error_in_a_job_is_one_line_and_ends_the_others(
    machines: Machines, settings: Path, alone: dict[str, str], tmp_path: Path
) -> None:
    """The network that is given as the adversarial one is a standard one, which its job finds out."""
    swapped = settings.parent / "alone" / "seed0" / "models" / "standard.safetensors"
    flags = ["--engine", "ray", "--address", machines.cluster.address, "--set", f"networks.adversarial={swapped}"]
    run = started(settings, tmp_path / "run", *flags)
    assert run.wait(WAIT) == 2
    (line,) = (line for line in log_of(tmp_path / "run").read_text().splitlines() if line.startswith("featsplit: "))
    assert "tells of standard training; must be an adversarially trained network" in line
    time.sleep(2)
    assert not at_work(), "nothing is left running"


def test_a_scheduler_that_ends_the_driver_gets_the_one_line(machines: Machines, settings: Path, tmp_path: Path) -> None:
    run = started(settings, tmp_path / "run", "--engine", "ray", "--address", machines.cluster.address)
    wait_until(learned(tmp_path / "run"), run, tmp_path / "run")
    run.send_signal(signal.SIGTERM)
    assert run.wait(WAIT) == 130
    assert log_of(tmp_path / "run").read_text().splitlines()[-1].startswith("featsplit: interrupted; run, train and")
    time.sleep(2)
    assert not at_work()


def at_work() -> list[str]:
    """The processes of Ray that do a job of ours."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            name = path.read_bytes().decode(errors="replace")
            found += [name] if name.startswith("ray::seed") else []
    return found
