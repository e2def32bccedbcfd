"""What Ray costs and gains: `python -m benchmarks spread --repeats 3`.

`run digits` by two local processes, and on Ray with two CPUs; then on a cluster of one machine of one CPU, and of two.
Each network by one thread. As ratios of the medians of some turns, all in one go: the machine is shared.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.machine import machine, told

COST, START, GAIN = 1.3, 5.0, 1.8
"""At most so many times the local time, and so many seconds for Ray to start; at least so many times as fast."""
MEMORY = 80 * 2**20


def measure(results: Path, *, repeats: int, preset: str = "digits") -> bool:
    """Write the times to `results`; whether they are as aimed at."""
    times: dict[str, list[float]] = {"local": [], "ray": [], "one machine": [], "two machines": []}
    for _ in range(repeats):
        times["local"].append(_timed(preset, ["--workers", "2"]))
        times["ray"].append(_timed(preset, ["--engine", "ray"]))
        for name, nodes in (("one machine", 1), ("two machines", 2)):
            with cluster(nodes) as address:
                times[name].append(_timed(preset, ["--engine", "ray", "--address", address]))
        print({name: f"{own[-1]:.0f}" for name, own in times.items()}, flush=True)
    return _write(results, preset, times)


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


def _timed(preset: str, flags: list[str]) -> float:
    """The seconds of a run of one seed, in a process of its own."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "featsplit", "run", preset, *flags, "--out", f"{folder}/run"]
        began = time.perf_counter()
        quiet = {**os.environ, "OMP_NUM_THREADS": "2" if "--workers" in flags else "1"}
        subprocess.run(command, env=quiet, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not Path(folder, "run", "report.html").exists():
            raise SystemExit(f"{' '.join(command)}: did not end")
        return time.perf_counter() - began


def _write(results: Path, preset: str, times: dict[str, list[float]]) -> bool:
    seen, middle = machine(), {name: median(own) for name, own in times.items()}
    cost, gain = (middle["ray"] - START) / middle["local"], middle["one machine"] / middle["two machines"]
    holds = cost <= COST, gain >= GAIN
    content = {
        "command": f"python -m benchmarks spread --repeats {len(times['ray'])}",
        "machine": seen,
        "preset": preset,
        "seconds": times,
    }
    (results / "spread.json").write_text(json.dumps(content, indent=1) + "\n")
    table = ["| on | seconds, median | each |", "| --- | ---: | --- |"]
    for name, own in times.items():
        table.append(f"| {name} | {middle[name]:.1f} | {', '.join(f'{one:.1f}' for one in own)} |")
    page = [
        "# What Ray costs and gains",
        f"`{content['command']}`: `featsplit run {preset}`; each network by one "
        "thread. Machines are simulated on this one, a CPU each, with a head that has none.",
        f"Machine: {told(seen)}.",
        "\n".join(table),
        f"Ray takes {cost:.2f} times as long as the local pool, without {START:g} s for its start (aim: at "
        f"most {COST:g}: {'holds' if holds[0] else 'does not hold'}). Two machines are {gain:.2f} times as fast as one "
        f"(aim: at least {GAIN:g}: {'holds' if holds[1] else 'does not hold'}).",
    ]
    (results / "spread.md").write_text("\n\n".join(page) + "\n")
    print("\n\n".join(page))
    return all(holds)
