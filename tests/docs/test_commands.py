"""Every command on every page runs, in its order, in a small world; what cannot run here is read to its end."""

import re
import runpy
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from typer.testing import CliRunner

from benchmarks import printed
from featsplit.commands import app
from featsplit.commands.listed import COMMANDS
from featsplit.commands.options import experiments
from featsplit.engine import study
from featsplit.errors import FeatsplitError
from featsplit.studies import read_settings
from tests.docs.commands import ROOT, Command, changes_of, commands_of, name_of, pages
from tests.docs.things import make_ready
from tests.docs.words import filled, small

ELSEWHERE = {
    "torchrun": "several processes; tests/commands/test_torchrun.py starts them",
    "python": "measures for minutes to hours; or an example, which tests/examples runs",
}
"""What begins a command that another test runs, and why not this one."""
NOT_RUN = {
    r"--engine ray": "a cluster; tests/engine/test_cluster.py has one",
    r"data.source=imagenet:": "a thousand classes; tests/data/test_imagenet_whole.py has them",
    r"\./network\.py:make": "of the file that the page writes; benchmarks.walks takes all its steps",
    r"squares-paper": "is for a GPU: its ResNet-18 is fixed",
}
"""What is read to its end and not run, by a pattern, and why."""
WITH_COMMANDS = [page for page in pages() if commands_of(page)]


def is_run(command: Command) -> bool:
    """Whether this test runs the command, or only reads it."""
    return command.program not in ELSEWHERE and not any(re.search(one, command.text) for one in NOT_RUN)


@pytest.mark.parametrize("pattern", NOT_RUN)
def test_what_is_not_run_is_on_a_page(pattern: str) -> None:
    assert any(re.search(pattern, command.text) for page in WITH_COMMANDS for command in commands_of(page))


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name_of)
def test_every_command_is_read_to_its_end(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its options and records are checked, and of a run the preset with its changes; nothing is done."""
    _only_read(monkeypatch)
    read = {command: _python if command.program == "python" else _featsplit for command in commands_of(page)}
    assert not [f"{command}: {wrong}" for command, by in read.items() if (wrong := by(filled(command)[1:]))]


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name_of)
def test_what_is_to_be_tried_is_a_setting_of_a_run_of_the_page(page: Path) -> None:
    runs = [command.words[2] for command in commands_of(page) if command.words[1] == "run"]
    presets = [name for name in dict.fromkeys([*runs, "digits"]) if name in study.presets()]
    assert not [changes for changes in changes_of(page) if not any(_takes(name, changes) for name in presets)]


def _takes(preset: str, changes: Sequence[str]) -> bool:
    try:
        return bool(read_settings(preset, changes))
    except FeatsplitError:
        return False


def _only_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put in the place of what commands and benchmarks do, that settings are read."""
    for name in COMMANDS:
        attribute = name.replace("-", "_")
        module = import_module(f"featsplit.commands.{attribute}")
        monkeypatch.setattr(module, attribute, _reading(getattr(module, attribute)))
    for file in (ROOT / "benchmarks").glob("[!_]*.py"):
        module = import_module(f"benchmarks.{file.stem}")
        monkeypatch.setattr(module, "measure", lambda *_, **__: True, raising=False)


def _reading(command: Callable[..., None]) -> Callable[..., None]:
    """With the options of `command`; it reads the settings of a preset, and that is all."""

    @wraps(command)
    def read(**given: Any) -> None:
        if "preset" in given and not given["preset"].endswith(".toml"):
            chosen = experiments(given["experiments"], given["preset"])
            read_settings(given["preset"], [*chosen, *(given["set_"] or ())])

    return read


def _featsplit(words: Sequence[str]) -> str:
    """What is wrong with the command of these words after `featsplit`, or nothing."""
    result = CliRunner().invoke(app, words)
    fine = result.exception is None or (
        words[0] == "run" and result.exit_code == 1 and isinstance(result.exception, SystemExit)
    )
    return "" if fine else f"{result.exception} {result.output}"


def _python(words: Sequence[str]) -> str:
    """The same of a module or an example; `python -m benchmarks` parses, and measures nothing."""
    if words[0] != "-m":
        return "" if (ROOT / words[0]).is_file() else "no such file"
    if words[1] != "benchmarks":
        return "" if find_spec(words[1]) else "no such module"
    with patch.object(sys, "argv", list(words[1:])), pytest.raises(SystemExit) as ended:
        runpy.run_module("benchmarks.__main__")
    return str(ended.value.code or "")


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::featsplit.errors.FeatsplitWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of datasets and others
@pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")  # of mlcroissant
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name_of)
def test_every_command_runs(page: Path, small_world: Path) -> None:
    """One after the other, in a folder where what the page takes for granted is made when it is first named."""
    for command in filter(is_run, commands_of(page)):
        words = small(command)
        make_ready(small_world, words)
        wrong = _featsplit(words)
        assert not wrong, f"{command}, as {words}: {wrong}"


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("So:\n\n    featsplit info a.h5  # what\n    ls\n\nand `featsplit info` or `featsplit\nverify a.h5`.\n", 2),
        ("```sh\nx && featsplit run a \\\n  --seeds 0\nsrun -- featsplit run b\n```\n", 2),
        ("```python\nfeatsplit run digits\n```\n\n- a list\n\n  `python -m benchmarks digits`\n", 1),
    ],
)
def test_commands_are_found(text: str, commands: int, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(text)
    with patch("tests.docs.commands.ROOT", tmp_path):
        found = commands_of(tmp_path / "page.md")
    assert len(found) == commands
    assert all(command.words[1] in ("info", "verify", "run", "-m") for command in found), found
    assert "\\" not in "".join(command.text for command in found)


@pytest.mark.parametrize("line", printed.COMMANDS)
def test_what_is_printed_in_the_results_is_of_a_command_of_a_page(line: str) -> None:
    """But for the order of its options, what lets it run after another, and what the page says to change in it."""
    wanted = {*f"featsplit {line}".replace(" --overwrite", "").replace(",robust_agrees=1", "").split()}
    assert any(wanted == {*command.words} for page in WITH_COMMANDS for command in commands_of(page))
