"""How much two processes gain: `python -m benchmarks workers`.

Each of the small presets of the studies before the paper, one seed, a whole process with `--workers 1`, which has all
threads of the machine, and with `--workers 2`, which share them; one after the other.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.machine import machine, told

PRESETS = ("szegedy2014-mini", "goodfellow2015-mini", "kurakin2017-mini", "carlini2017-mini")
GAIN, TOGETHER = 1.6, 1200.0
"""At least so many times as fast; at most so many seconds for all of them by two processes."""

WHY = (
    "One process has torch's second thread already. How much two processes of one thread can gain at all over one of "
    "two, on the same steps of training, was measured beside, in turns:"
)
NETWORKS = {
    "vgg7 of kurakin2017-mini": ("vgg7", 16, (3, 16, 16), 128),
    "maxout of goodfellow2015-mini": ("maxout", None, (1, 14, 14), 100),
    "mlp": ("mlp", 100, (1, 14, 14), 100),
}
"""An architecture, its width, the shape of the images, and how many are in a step."""
STEPS = """
import sys, time, torch
from featsplit.models import ModelSpec, build
from featsplit.runtime import Machine
from featsplit.training import Recipe, Trainer
arch, width, channels, side, batch, threads, seconds = sys.argv[1:]
torch.set_num_threads(int(threads))
shape = int(channels), int(side), int(side)
model = build(ModelSpec(arch, None if width == "None" else int(width)), shape=shape, classes=10).train()
trainer = Trainer(model, Recipe(epochs=1, lr=1e-3), Machine("cpu", "float32"))
inputs, labels = torch.rand(int(batch), *shape), torch.arange(int(batch)) % 10
for _ in range(3):
    trainer.step(inputs, labels, None)
print("ready", flush=True)
sys.stdin.readline()
count, began = 0, time.perf_counter()
while time.perf_counter() - began < float(seconds):
    trainer.step(inputs, labels, None)
    count += 1
print(count / (time.perf_counter() - began), flush=True)
"""


def measure(results: Path, *, data_root: Path | None, only: Sequence[str] = ()) -> bool:
    """Write the times to `results`; whether they are as aimed at.

    Of the `only` presets named, where there are any; those of the others are kept as they were measured before.
    """
    times, processors = _kept(results) if only else ({}, {})
    for preset in only or PRESETS:
        processors[preset] = machine()["processor"]
        times[preset] = {workers: _timed(preset, workers, data_root) for workers in (2, 1)}
        print(preset, {workers: f"{seconds:.0f}" for workers, seconds in times[preset].items()}, flush=True)
    return write(results, times, processors)


def _kept(results: Path) -> tuple[dict[str, dict[int, float]], dict[str, str]]:
    """The seconds of an earlier turn, by preset and number of processes; and the processor of each preset."""
    kept = json.loads((results / "workers.json").read_text())
    seconds = {preset: {int(workers): each for workers, each in own.items()} for preset, own in kept["seconds"].items()}
    return seconds, kept["processors"]


def ceilings(*, seconds: float = 3.0, turns: int = 3) -> dict[str, float]:
    """By network how many times as many steps two processes of one thread take as one process of two threads.

    The median of some turns, each of which measures both.
    """
    return {
        name: median(_rate(2, 1, network, seconds) / _rate(1, 2, network, seconds) for _ in range(turns))
        for name, network in NETWORKS.items()
    }


def _rate(
    processes: int, threads: int, network: tuple[str, int | None, tuple[int, int, int], int], seconds: float
) -> float:
    """Steps of training a second, of all processes together, which begin at the same time."""
    arch, width, (channels, side, _), batch = network
    words = [arch, str(width), str(channels), str(side), str(batch), str(threads), str(seconds)]
    command = [sys.executable, "-c", STEPS, *words]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    for one in started:
        assert one.stdout is not None
        one.stdout.readline()
    return sum(float(one.communicate()[0]) for one in _begun(started))


def _begun(started: "list[subprocess.Popen[str]]") -> "list[subprocess.Popen[str]]":
    """All of them, told to begin."""
    for one in started:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    return started


def _timed(preset: str, workers: int, data_root: Path | None) -> float:
    """The seconds of a run of one seed, in a process of its own; 1 is how a run ends where a known answer is off."""
    with TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "featsplit",
            "run",
            preset,
            "--workers",
            str(workers),
            "--out",
            f"{folder}/run",
        ]
        command += ["--data-root", str(data_root)] if data_root else []
        began = time.perf_counter()
        ended = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
        if ended not in (0, 1):
            raise SystemExit(f"{' '.join(command)}: ended with {ended}")
        return time.perf_counter() - began


def write(results: Path, times: Mapping[str, Mapping[int, float]], processors: Mapping[str, str]) -> bool:
    """Write `times`, seconds by preset and number of processes, to `results`; whether they are as aimed at.

    `processors` are those of the machines, by preset.
    """
    seen, gains = machine(), {preset: own[1] / own[2] for preset, own in times.items()}
    together = sum(own[2] for own in times.values())
    content: dict[str, Any] = {
        "command": "python -m benchmarks workers",
        "machine": seen,
        "seconds": times,
        "processors": processors,
    }
    head = "| preset | processor | one process | two | times as fast | aim |"
    table = [head, "| --- | --- | ---: | ---: | ---: | --- |"]
    for preset, own in times.items():
        verdict = _verdict(gains[preset] >= GAIN)
        seconds = f"{own[1]:.0f} s | {own[2]:.0f} s"
        table.append(f"| {preset} | {processors[preset]} | {seconds} | {gains[preset]:.2f} | {GAIN:g}: {verdict} |")
    page = [
        "# What two processes gain",
        f"`{content['command']}`: {' '.join((__doc__ or '').split(chr(10), 2)[2].split())}",
        f"Machine: {told(seen)}.",
        "\n".join(table),
        f"All by two processes: {together:.0f} s (aim: at most {TOGETHER:g}: {_verdict(together <= TOGETHER)}).",
    ]
    if min(gains.values()) < GAIN:
        bounds = ceilings()
        content["ceilings"] = bounds
        page.append(f"{WHY} {', '.join(f'{name} {bound:.2f}' for name, bound in bounds.items())}.")
    if missing := [preset for preset in PRESETS if preset not in times]:
        page[4] = f"Not measured: {', '.join(missing)}."
    (results / "workers.json").write_text(json.dumps(content, indent=1) + "\n")
    (results / "workers.md").write_text("\n\n".join(page) + "\n")
    print("\n\n".join(page))
    return not missing and together <= TOGETHER and min(gains.values()) >= GAIN


def _verdict(holds: bool) -> str:
    return "holds" if holds else "does not hold"
