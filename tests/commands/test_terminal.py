"""What a person sees: help in groups, the first steps, what a run says first, "kept", colours where they belong."""

import os
import pty
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from typer.testing import CliRunner

from featsplit.commands import FIRST, app, terminal
from featsplit.commands.lazily import command_of
from featsplit.commands.listed import COMMANDS, GROUPS
from featsplit.engine.study import presets
from featsplit.studies import STUDIES, study_named
from featsplit.studies.beforehand import Usual, expected_time, roughly, usual_time
from tests.least import LEAST, call, run

ESCAPE = "\x1b["


class Terminal(StringIO):
    """A terminal that keeps what is printed on it."""

    def isatty(self) -> bool:
        return True


def test_every_command_stands_under_one_heading_of_the_help() -> None:
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(COMMANDS)
    text, place = call("--help")[0], -1
    for heading, names in GROUPS.items():
        section = text[text.index(f"\n{heading}:\n") :].split("\n\n")[0]
        assert [line.split()[0] for line in section.splitlines()[2:]] == list(names)
        assert text.index(section) > place
        place = text.index(section)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_its_explanations_in_one_column_and_breaks_no_name(command: str) -> None:
    text = CliRunner().invoke(app, [command, "--help"], catch_exceptions=False).output
    body = text[text.index(":\n") :].splitlines()
    starts = {len(found[0]) for line in body if (found := re.match(r" {4,}(?=\S)|  \S+(?: \S+)*  +(?=\S)", line))}
    assert len(starts) == 1, starts
    assert not [line for line in body if line.endswith("-")]
    assert "<" not in text


def test_the_help_of_run_has_every_experiment_of_every_study() -> None:
    (text,) = [option.help for option in command_of("run").params if option.name == "experiments"]
    for name in STUDIES:
        known = getattr(study_named(name).Settings, "known_experiments", ())
        assert set(known) <= set(re.findall(r"\w+", text)), name
        assert not known or name in text


def test_featsplit_alone_points_to_the_first_command() -> None:
    text, _ = call("")
    assert text == FIRST + "\n"
    assert "\n    featsplit run digits\n" in text
    assert len(text.splitlines()) < 16
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("preset", sorted(presets()))
def test_every_preset_says_how_long_it_takes_or_that_it_was_not_measured(preset: str) -> None:
    usual = usual_time(preset)
    assert usual is not None
    assert usual.seconds is not None or "not measured" in usual.words or preset == "kurakin2017"
    assert len(expected_time(usual, 3, changed=False)) < 120


def test_the_time_is_that_of_one_seed_times_the_seeds() -> None:
    usual = Usual(32.0, "32 s a seed on 2 cores", "digits")
    assert expected_time(usual, 1, changed=False) == "time    about 32 s: 32 s a seed on 2 cores (digits)"
    assert expected_time(usual, 10, changed=True).startswith("time    about 5 minutes: ")
    assert "digits, whose settings are changed here" in expected_time(usual, 10, changed=True)
    assert "status RUN" in expected_time(None, 1, changed=False)
    assert [roughly(seconds) for seconds in (99, 100, 5399, 5400)] == ["99 s", "2 minutes", "90 minutes", "1.5 hours"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("terminal")
    (path / "least.toml").write_text("# Time: 7 s a seed on one core; about.\n" + LEAST)
    return path


@pytest.mark.slow
def test_a_run_says_what_it_will_do_before_it_begins_and_then_what_is_kept(folder: Path) -> None:
    words = f"{folder}/least.toml --out {folder}/run"
    out, err = run(words)
    assert err.splitlines()[:5] == [
        "study   ilyas2019 (least), seed 0",
        "data    digits: 60 training and 30 test images, 1 x 8 x 8, 10 classes",
        "jobs    10 in 1 process on cpu",
        f"to      {folder}/run",
        "time    about 7 s: 7 s a seed on one core (least)",
    ]
    assert "kept" not in err
    assert re.search(r"evaluate standard +[0-9.]+ s   clean 0\.\d{3}, pgd 0\.\d{3}\n", err)
    assert re.search(rf"\npage: {folder}/run/report.html\n\d+ s\n$", out)
    table = out[: out.index("\n\n", 2)].splitlines()[1:]
    assert len({len(line) for line in table[:5]}) == 1, "one aligned table"
    assert "clean" in table[0]
    _, err = run(f"{words} --seeds 0,1")
    assert re.search(r"seed 0  train standard +kept   clean 0\.\d{3}\n", err)
    assert re.search(r"seed 0  build rand +kept   success", err)
    assert re.search(r"seed 1  train standard +[0-9.]+ s   clean", err)
    assert err.endswith("kept: 6 of 20 jobs\n"), "pictures are drawn again"
    out, _ = run(f"{words} --seeds 0,1")
    assert f"kept: {folder}/run: this run is finished" in out


VERDICTS = (
    "3 of 6 statements of the paper hold here, 2 do not, 1 are\nundecided. "
    "0 of 1 answers that are known hold here, 0 do not, 0 are undecided."
)


@pytest.mark.parametrize(
    ("surroundings", "stream", "coloured"),
    [
        ({}, Terminal(), True),
        ({}, StringIO(), False),
        ({"NO_COLOR": "1"}, Terminal(), False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, Terminal(), False),
        ({"FORCE_COLOR": "1"}, StringIO(), True),
        ({"TERM": "dumb"}, Terminal(), False),
        ({"NO_COLOR": ""}, Terminal(), True),
    ],
    ids=["terminal", "pipe", "NO_COLOR", "both", "FORCE_COLOR", "dumb", "empty NO_COLOR"],
)
def test_colours_are_on_a_terminal_alone_and_nowhere_with_no_color(
    surroundings: dict[str, str], stream: StringIO, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    stream.seek(0)
    stream.truncate()
    monkeypatch.setattr(sys, "stdout", stream)
    terminal.show(VERDICTS)
    found = stream.getvalue()
    assert (ESCAPE in found) == coloured
    assert found.count(ESCAPE + "0m") == (3 if coloured else 0)
    assert re.sub(r"\x1b\[[0-9;]*m", "", found) == VERDICTS + "\n"


def test_a_line_is_broken_between_words_on_a_terminal_and_whole_in_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    line = "of " * 23 + "a distill-digits " * 5 + "datasets_out/" + "x" * 90
    assert terminal.fitted(line, StringIO()) == line
    first, *further = terminal.fitted(line, Terminal()).splitlines()
    assert len(first) <= 80
    assert all(more.startswith("    ") for more in further)
    assert " ".join([first, *(more.strip() for more in further)]) == line


def in_terminal(command: list[str], **surroundings: str) -> str:
    """What `command` prints on a terminal of 80 columns."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    inner, outer = pty.openpty()
    process = subprocess.Popen(
        command, stdin=outer, stdout=outer, stderr=outer,
        env={**kept, "TERM": "xterm", "COLUMNS": "80", **surroundings},
    )  # fmt: skip
    os.close(outer)
    found = bytearray()
    try:
        while data := os.read(inner, 65536):
            found += data
    except OSError:  # Linux says so at the end
        pass
    os.close(inner)
    assert process.wait() == 0, found.decode()
    return found.decode().replace("\r\n", "\n")


@pytest.mark.slow
def test_a_run_on_a_terminal_is_in_80_columns_and_colours_its_verdicts_unless_told_not_to(folder: Path) -> None:
    out = folder / "seen"
    command = [sys.executable, "-m", "featsplit", "run", f"{folder}/least.toml", "--workers", "1", "--device", "cpu"]
    plain = in_terminal([*command, "--out", str(out)], NO_COLOR="1")
    assert ESCAPE not in plain
    assert max(len(line) for line in plain.splitlines() if str(folder) not in line) <= 80
    coloured = in_terminal([*command, "--out", str(out)])
    assert re.search(r"\x1b\[3[123]m\x1b\[1m[1-9]\d* (of \d+ statements|do not|are undecided)", coloured)
