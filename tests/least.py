"""The least run that there is, and how a test calls the command line."""

import shlex
from pathlib import Path

from typer.testing import CliRunner

from featsplit.commands import app

LEAST = """
[data]
source = "digits"
limit = 60
limit_test = 30
[model]
arch = "linear"
[train]
epochs = 2
schedule = "one-cycle"
[train.adversarial]
adversary = { eps = 0.5, steps = 1 }
[match]
steps = 2
[perturb]
eps = 1.5
steps = 2
step_size = 0.5
[evaluate]
eps = [0.5]
steps = 2
restarts = 1
"""


def call(line: str) -> tuple[str, str]:
    """What a command that ends well prints, on standard output and on standard error."""
    result = CliRunner().invoke(app, shlex.split(line), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def run(words: str) -> tuple[str, str]:
    return call(f"run {words} --device cpu --workers 1")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file in `folder` by its path there."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
