"""What Ray costs and gains: `python -m benchmarks spread --repeats 3`.

`run digits` by two local processes, and on Ray with two CPUs; then on a cluster of one machine of one CPU, and of two,
with one seed and with three. Each network by one thread. As ratios of the medians of some turns, all in one go: the
machine is shared.
"""

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from benchmarks.machine import machine, told

COST, START, GAIN = 1.3, 5.0, 1.8
"""At most so many times the local time, and so many seconds for Ray to start; at least so many times as fast."""
MEMORY = 80 * 2**20
MACHINES = {"one machine": 1, "two machines": 2}
SEVERAL = "0,1,2"


class Turn(NamedTuple):
    """The seconds of a run, and those of them before its first job began."""

    seconds: float
    start: float


def measure(results: Path, *, repeats: int, preset: str = "digits") -> bool:
    """Write the times to `results`; whether they are as aimed at."""
    turns = defaultdict[str, list[Turn]](list)
    for _ in range(repeats):
        turns["local"].append(_timed(preset, ["--workers", "2"]))
        turns["ray"].append(_timed(preset, ["--engine", "ray"]))
        for seeds in ("0", SEVERAL):
            for name, nodes in MACHINES.items():
                with cluster(nodes) as address:
                    turn = _timed(preset, ["--engine", "ray", "--address", address, "--seeds", seeds])
                turns[_called(name, seeds)].append(turn)
        print({name: f"{own[-1].seconds:.0f}" for name, own in turns.items()}, flush=True)
    return _write(results, preset, turns)


def _called(name: str, seeds: str) -> str:
    return name if seeds == "0" else f"{name}, seeds {seeds}"


@contextmanager
def cluster(nodes: int) -> Iterator[str]:
    """The address of a head without CPUs and as many `nodes` of one CPU, all on this machine."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": MEMORY}
    found: Any = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(nodes):
            found.add_node(num_cpus=1, object_store_memory=MEMORY)
        yield found.address
    finally:
        found.shutdown()


def _timed(preset: str, flags: list[str]) -> Turn:
    """How long a run takes, in a process of its own."""
    with TemporaryDirectory() as folder:
        out = Path(folder, "run")
        command = [sys.executable, "-m", "featsplit", "run", preset, *flags, "--out", str(out)]
        began, at = time.perf_counter(), time.time()
        quiet = {**os.environ, "OMP_NUM_THREADS": "2" if "--workers" in flags else "1"}
        subprocess.run(command, env=quiet, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not (out / "report.html").exists():
            raise SystemExit(f"{' '.join(command)}: did not end")
        seconds = time.perf_counter() - began
        first = min(json.loads(path.read_text().partition("\n")[0])["time"] for path in out.glob("events/*.jsonl"))
        return Turn(seconds, first - at)


def _write(results: Path, preset: str, turns: Mapping[str, list[Turn]]) -> bool:
    seen = machine()
    middle = {name: Turn(*map(median, zip(*own, strict=True))) for name, own in turns.items()}
    cost = (middle["ray"].seconds - START) / middle["local"].seconds
    content = {
        "command": f"python -m benchmarks spread --repeats {len(turns['ray'])}",
        "machine": seen,
        "preset": preset,
        "seconds": {name: [one.seconds for one in own] for name, own in turns.items()},
        "start": {name: [one.start for one in own] for name, own in turns.items()},
    }
    (results / "spread.json").write_text(json.dumps(content, indent=1) + "\n")
    table = ["| on | seconds, median | each | before the first job began |", "| --- | ---: | --- | ---: |"]
    for name, own in turns.items():
        each = ", ".join(f"{one.seconds:.1f}" for one in own)
        table.append(f"| {name} | {middle[name].seconds:.1f} | {each} | {middle[name].start:.1f} |")
    gains, holds = [f"How many times as fast as one machine two are (aim: at least {GAIN:g}):"], [cost <= COST]
    for seeds in ("0", SEVERAL):
        one, two = (middle[_called(name, seeds)] for name in MACHINES)
        whole, after = one.seconds / two.seconds, (one.seconds - one.start) / (two.seconds - two.start)
        holds.append(whole >= GAIN)
        gains.append(f"- seeds {seeds}: {_against(whole)}; after the first job began {_against(after)}")
    page = [
        "# What Ray costs and gains",
        f"`{content['command']}`: `featsplit run {preset}`; each network by one "
        "thread. Machines are simulated on this one, a CPU each, with a head that has none; they share the two cores "
        "with the driver and with all processes of Ray.",
        f"Machine: {told(seen)}.",
        "\n".join(table),
        f"Ray takes {cost:.2f} times as long as the local pool, without {START:g} s for its start (aim: at "
        f"most {COST:g}: {'holds' if holds[0] else 'does not hold'}).",
        "\n".join(gains),
    ]
    (results / "spread.md").write_text("\n\n".join(page) + "\n")
    print("\n\n".join(page))
    return all(holds)


def _against(gain: float) -> str:
    return f"{gain:.2f} ({'holds' if gain >= GAIN else 'does not hold'})"
