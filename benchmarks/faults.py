"""Kills at random moments: `python -m benchmarks faults --kills 100`.

A small run with every experiment on is killed while it works, and started again until it ends: its driver, one of its
worker processes or, on Ray, a machine of a cluster of two. Each must end with the sets, the models and the rows, byte
for byte, of a run that nobody killed.
"""

import hashlib
import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from benchmarks.machine import machine, told

TINY = shlex.split(
    "run distill-digits --seeds 0 --device cpu --shard 40 --set precision=float32 --set data.limit=120 "
    "--set data.limit_test=60 --set model.width=8 --set train.epochs=4 --set train.batch_size=20 "
    "--set train.adversarial.epochs=3 --set match.steps=3 --set perturb.steps=3 --set perturb.step_size=0.5 "
    "--set evaluate.steps=2 --set evaluate.restarts=1 --set evaluate.eps=[0.5] "
    "--experiments all "
    '--set architectures=[\\"linear\\"] --set scrutiny.images=20 --set scrutiny.steps=4 '
    "--set scrutiny.relative_step_sizes=[1.0] --set discussion.ensemble=1 --set discussion.early_epochs=1 "
    "--set discussion.images=20 --set discussion.steps=2"
)
FLAGS = {"local": ["--workers", "2"], "ray": ["--engine", "ray", "--address", "{address}", "--retries", "5"]}
VICTIMS = {"local": ("driver", "worker"), "ray": ("driver", "worker", "node")}
MOST = 40
"""Starts of a run that would not end."""
ENDED = (0, 1)
"""Exit statuses of a run that ended; 1 where an answer that is known did not come out of so small a run."""


class Fault(NamedTuple):
    """What was killed, on which engine, how many seconds after a start, and whether the run ended the same.

    `victim` is "none" where the run had ended before, or no process of that kind was there.
    """

    engine: str
    victim: str
    after: float
    starts: int
    same: bool
    left: tuple[str, ...]


def measure(results: Path, *, kills: int, more: bool = False) -> bool:
    """Kill `kills` times, every other time on Ray; write what came out to `results`; whether all ended alike.

    What came out so far is written after each, so that one that is cut off leaves what it has; with `more` those of an
    earlier turn count.
    """
    faults = _kept(results) if more else []
    draw, killed = random.Random(len(faults)), sum(fault.victim != "none" for fault in faults)
    with TemporaryDirectory() as folder, _cluster() as cluster:
        expected, seconds = _undisturbed(Path(folder) / "whole")
        while killed < kills:  # one that killed nothing is done again
            engine = ("local", "ray")[killed % 2]
            own = cluster if engine == "ray" else None
            fault = _killed(Path(folder) / str(len(faults)), engine, own, draw, expected, seconds)
            faults.append(fault)
            killed += fault.victim != "none"
            print(f"{killed}/{kills} {engine}: {fault.victim} after {fault.after:.1f} s, {fault.same}", flush=True)
            held = _write(results, faults, seconds)
    print((results / "faults.md").read_text())
    return held


def _kept(results: Path) -> list[Fault]:
    """What an earlier turn has left."""
    return [
        Fault(**{**fault, "left": tuple(fault["left"])})
        for fault in json.loads((results / "faults.json").read_text())["faults"]
    ]


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each set, each model and the rows of the run in `folder`."""
    paths = [*sorted(folder.rglob("sets/*.h5")), *sorted(folder.rglob("models/*.safetensors")), folder / "rows.json"]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def leftovers(folder: Path) -> tuple[str, ...]:
    """Hidden files and folders that a finished run has no use for."""
    return tuple(sorted(str(path.relative_to(folder)) for path in folder.rglob(".*")))


def _undisturbed(out: Path) -> tuple[dict[str, str], float]:
    began = time.perf_counter()
    ended = _start(out, ["--workers", "1"]).wait()
    if ended not in ENDED:
        raise SystemExit(f"the run itself ends with {ended}; see what it says: featsplit {shlex.join(TINY)}")
    return digests(out), time.perf_counter() - began


def _killed(
    out: Path, engine: str, cluster: Any, draw: random.Random, expected: dict[str, str], seconds: float
) -> Fault:
    """A run that is killed once, a few seconds after it began, and then started until it ends."""
    victim, after, starts = (
        draw.choice(VICTIMS[engine]),
        draw.uniform(2, max(3.0, seconds / 2)),
        1,
    )  # two work side by side
    flags = [flag.format(address=getattr(cluster, "address", "")) for flag in FLAGS[engine]]
    process = _start(out, flags)
    with suppress(subprocess.TimeoutExpired):
        process.wait(after)
    if process.poll() is not None or not _kill(victim, process, cluster, draw):
        victim = "none"
    while (
        process.wait() not in ENDED or not (out / "run.json").exists()
    ):  # Ray ends a driver whose machine is gone by 1
        if starts == MOST:
            return Fault(engine, victim, after, starts, False, leftovers(out))
        process, starts = _start(out, flags), starts + 1
    return Fault(engine, victim, after, starts, digests(out) == expected, leftovers(out))


def _start(out: Path, flags: Sequence[str]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "featsplit", *TINY, *flags, "--out", str(out)]
    quiet = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    return subprocess.Popen(command, env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _kill(victim: str, process: "subprocess.Popen[bytes]", cluster: Any, draw: random.Random) -> bool:
    """Kill the victim; whether it was there."""
    if victim == "node":
        cluster.lose(draw)
        return True
    workers = cluster.workers() if cluster is not None else _children(process.pid)
    of_kind = workers if victim == "worker" else [process.pid]
    if not of_kind:
        return False
    try:
        os.kill(draw.choice(of_kind), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _processes() -> Iterator[tuple[int, dict[str, str]]]:
    """The processes of this machine, and what Linux says of each."""
    for path in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            fields = (line.partition(":") for line in path.read_text().splitlines())
            yield int(path.parent.name), {name: value.strip() for name, _, value in fields}


def _children(parent: int) -> list[int]:
    """The processes that `parent` started, but for the one that looks after shared memory, which does no job."""
    return [
        number
        for number, status in _processes()
        if status.get("PPid") == str(parent) and "resource_tracker" not in _command_of(number)
    ]


def _command_of(process: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace")
    return ""


class _Cluster:
    """A head without CPUs, and two machines of one CPU each, which notice soon that one is gone."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        soon = {"health_check_period_ms": 300, "health_check_timeout_ms": 500, "health_check_failure_threshold": 3}
        head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 80 * 2**20, "_system_config": soon}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.nodes = [self._add(), self._add()]
        self.address = self.cluster.address

    def _add(self) -> Any:
        return self.cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)

    def lose(self, draw: random.Random) -> None:
        """Take a machine away without grace, and put another in its place."""
        place = draw.randrange(2)
        self.cluster.remove_node(self.nodes[place], allow_graceful=False)
        self.nodes[place] = self._add()

    def workers(self) -> list[int]:
        """The processes that do a job now."""
        return [
            number
            for number, status in _processes()
            if status["Name"].startswith("ray::") and _command_of(number).startswith("ray::seed")
        ]


@contextmanager
def _cluster() -> Iterator[_Cluster]:
    found = _Cluster()
    try:
        yield found
    finally:
        cluster: Any = found.cluster
        cluster.shutdown()


def _write(results: Path, faults: Sequence[Fault], seconds: float) -> bool:
    same, seen = sum(fault.same for fault in faults), machine()
    kills = sum(fault.victim != "none" for fault in faults)
    content: dict[str, Any] = {"command": f"python -m benchmarks faults --kills {kills}", "machine": seen}
    content |= {"undisturbed_seconds": seconds, "faults": [fault._asdict() for fault in faults]}
    (results / "faults.json").write_text(json.dumps(content, indent=1) + "\n")
    by_victim = Counter((fault.engine, fault.victim) for fault in faults)
    left = [fault for fault in faults if fault.left]
    table = ["| engine | killed | runs | ended the same |", "| --- | --- | ---: | ---: |"]
    for (engine, victim), count in sorted(by_victim.items()):
        alike = sum(fault.same for fault in faults if (fault.engine, fault.victim) == (engine, victim))
        table.append(f"| {engine} | {victim} | {count} | {alike} |")
    page = [
        "# Runs that were killed",
        f"`{content['command']}`: a run of every experiment on 120 digits, {seconds:.0f} s where nobody kills it, "
        "killed once by SIGKILL at a random moment and started again until it ended. The same: SHA-256 of every set, "
        "of every model and of rows.json, against a run by one process that was not killed.",
        f"Machine: {told(seen)}.",
        f"{same} of {len(faults)} ended the same; {len(left)} left hidden files.",
        "\n".join(table),
    ]
    (results / "faults.md").write_text("\n\n".join(page) + "\n")
    return same == len(faults) and not left
