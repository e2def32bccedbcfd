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
from tempfile import TemporaryDirectory

from benchmarks.machine import machine, told

PRESETS = ("szegedy2014-mini", "goodfellow2015-mini", "kurakin2017-mini", "carlini2017-mini")
GAIN, TOGETHER = 1.6, 1200.0
"""At least so many times as fast; at most so many seconds for all of them by two processes."""

WHY = (
    "Where it falls short the two processes are busy all the time (99 % of the seconds of both, by times.jsonl): there "
    "is nothing left to pack. What one process has is torch's second thread, which helps convolutions on larger images "
    "as much as a second process would."
)


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
    content = {"command": "python -m benchmarks workers", "machine": seen, "seconds": times, "processors": processors}
    (results / "workers.json").write_text(json.dumps(content, indent=1) + "\n")
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
        page.append(WHY)
    if missing := [preset for preset in PRESETS if preset not in times]:
        page[4] = f"Not measured: {', '.join(missing)}."
    (results / "workers.md").write_text("\n\n".join(page) + "\n")
    print("\n\n".join(page))
    return not missing and together <= TOGETHER and min(gains.values()) >= GAIN


def _verdict(holds: bool) -> str:
    return "holds" if holds else "does not hold"
