"""A small run in a process of its own, to be watched and killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

TINY = """
[data]
source = "digits"
limit = 200
limit_test = 100
[model]
arch = "resnet8"
width = 8
stages = 2
[train]
epochs = 4
batch_size = 40
schedule = "one-cycle"
[train.adversarial]
adversary = { eps = 0.5, steps = 2 }
[match]
steps = 5
rule = { name = "lbfgs", step_size = 1.0 }
[perturb]
eps = 1.5
steps = 5
step_size = 0.5
[evaluate]
eps = [0.5]
steps = 3
restarts = 2
"""


MAIN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background of a shell has it ignored
from featsplit.commands import main
main()
"""


def start(folder: Path, *extra: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", MAIN, "run", "tiny.toml", "--out", "out", "--device", "cpu", *extra]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, text=True, stdout=pipe, stderr=pipe, env=ENVIRONMENT)


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "OMP_NUM_THREADS": "1"}


def run(folder: Path, *extra: str) -> tuple[str, str]:
    """Standard output and error of a run that ends well."""
    process = start(folder, *extra)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out, err


def until(happened: Callable[[], bool]) -> None:
    """Wait, for at most two minutes, until something has happened."""
    for _ in range(2400):
        if happened():
            return
        time.sleep(0.05)
    raise AssertionError


def kill(process: "subprocess.Popen[str]", how: signal.Signals) -> str:
    """End the process, and return its standard error."""
    process.send_signal(how)
    return process.communicate(timeout=60)[1]
