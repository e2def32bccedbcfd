"""What the command line offers: every flag is listed, the help has every name that may be given, and costs no torch."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.commands.lazily import command_of
from featsplit.commands.listed import COMMANDS
from featsplit.commands.options import presets
from featsplit.engine.study import presets as presets_by_name
from featsplit.records.data import SOURCES
from featsplit.records.evaluation import ATTACKS
from featsplit.records.minimum_norm import NEAREST
from featsplit.records.models import ARCHITECTURES
from featsplit.records.training import AUGMENTATIONS

FLAGS = Path(__file__).parent / "flags.txt"


def flags(name: str, command: Any) -> Iterator[str]:
    """A line for each flag of `command`, and of the commands below it."""
    for inner, below in getattr(command, "commands", {}).items():
        yield from flags(f"{name} {inner}", below)
    for parameter in command.params:
        yield from (f"{name} {word}" for word in (*parameter.opts, *parameter.secondary_opts) if word.startswith("-"))


def shown(line: str) -> str:
    result = CliRunner().invoke(app, [*line.split(), "--help"], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_no_flag_comes_or_goes_unseen() -> None:
    """A new knob goes into a record, and so to `--set`; one that every user needs goes into this list too."""
    found = sorted(line for name in COMMANDS for line in flags(name, command_of(name)))
    assert "\n".join(found) + "\n" == FLAGS.read_text()


@pytest.mark.parametrize(
    ("command", "parameter", "names"),
    [
        ("train", "arch", ARCHITECTURES),
        ("train", "augment", AUGMENTATIONS),
        ("train", "data", SOURCES),
        ("evaluate", "attack", (*ATTACKS[1:], *NEAREST)),
        ("evaluate", "sources", SOURCES),
        ("run", "preset", tuple(presets_by_name())),
    ],
    ids=["architectures", "augmentations", "sources", "attacks", "sources to evaluate on", "presets"],
)
def test_the_help_of_an_option_has_every_name_that_it_takes(
    command: str, parameter: str, names: tuple[str, ...]
) -> None:
    (text,) = [option.help for option in command_of(command).params if option.name == parameter]
    words = {word.strip("(),;.") for part in text.split() for word in (part, part.strip(":"))}
    assert set(names) <= words, set(names) - words


def test_the_presets_of_the_help_are_those_that_run() -> None:
    assert presets() == sorted(presets_by_name())


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_fits_80_columns(command: str) -> None:
    assert max(map(len, shown(command).splitlines())) <= 80


def test_no_help_imports_torch() -> None:
    code = """
import sys
from featsplit.commands import COMMANDS, main
for command in ([], *([name] for name in COMMANDS)):
    sys.argv = ["featsplit", *command, "--help"]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, command
    assert "torch" not in sys.modules, command
"""
    found = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert not found.returncode, found.stderr
    assert found.stdout.count("Usage: ") == len(COMMANDS) + 1


def test_a_command_that_there_is_not_is_refused_with_the_nearest() -> None:
    result = CliRunner().invoke(app, ["trian"])
    assert result.exit_code == 2
    assert "No such command 'trian'. Did you mean 'train'" in result.output
