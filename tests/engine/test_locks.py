"""One run at a time in a folder: a lock that is held, one that a dead process left, and one of another host."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.engine.folders import destination, reopen
from featsplit.engine.locks import LOCK, held_alone
from featsplit.errors import FeatsplitError
from featsplit.studies import read_settings
from tests.least import LEAST
from tests.started import TINY, kill, start, until


def test_a_folder_is_held_and_let_go(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with held_alone(folder):
        refusal = rf"run: process {os.getpid()} runs there; wait for it, or give another --out .*rm .*run/{LOCK}"
        with pytest.raises(FeatsplitError, match=refusal), held_alone(folder):
            raise AssertionError
        (folder / "file").touch()
    assert [path.name for path in folder.iterdir()] == ["file"]
    with held_alone(folder):
        assert json.loads((folder / LOCK).read_text())["host"] == socket.gethostname()


def test_a_folder_that_stays_empty_goes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="so"), held_alone(tmp_path / "run"):
        raise ValueError("so")
    assert not (tmp_path / "run").exists()


def left_by(host: str, process: int, began: str | None = None) -> str:
    return json.dumps({"host": host, "process": process, "began": began})


@pytest.fixture(scope="module")
def dead() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_a_dead_process_left_is_taken_over(tmp_path: Path, dead: int) -> None:
    (tmp_path / LOCK).write_text(left_by(socket.gethostname(), dead))
    with held_alone(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["process"] == os.getpid()
        assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def test_another_process_of_the_same_number_is_another(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text(left_by(socket.gethostname(), os.getpid(), "12"))
    with held_alone(tmp_path):
        pass


def test_a_process_of_another_host_is_believed(tmp_path: Path, dead: int) -> None:
    (tmp_path / LOCK).write_text(left_by("node7", dead))
    with pytest.raises(FeatsplitError, match=f"process {dead} of node7 runs there"), held_alone(tmp_path):
        raise AssertionError


def test_of_two_that_find_a_dead_lock_one_gets_the_folder(tmp_path: Path, dead: int) -> None:
    """Thirty times eight processes at once; each that holds the folder finds itself alone there."""
    code = f"""
import os, sys, time
from pathlib import Path
from featsplit.engine.locks import held_alone
from featsplit.errors import FeatsplitError
folder = Path({str(tmp_path)!r})
try:
    with held_alone(folder):
        (folder / "in").open("x").close()
        time.sleep(0.3)
        (folder / "in").unlink()
        print("held")
except FeatsplitError:
    pass
"""
    (tmp_path / LOCK).write_text(left_by(socket.gethostname(), dead))
    (tmp_path / "kept").touch()
    pipe = subprocess.PIPE
    started = [subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe, text=True) for _ in range(8)]
    ended = [process.communicate(timeout=60) for process in started]
    assert all(not err for _, err in ended), ended
    assert sum("held" in out for out, _ in ended) >= 1
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_second_run_in_the_same_folder_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY.replace("epochs = 4", "epochs = 4000"))
    first = start(tmp_path, "--workers", "1")
    until((tmp_path / "out" / "seed0" / "models" / ".adversarial.safetensors.training").exists)
    err = start(tmp_path, "--workers", "1", "--set", "match.steps=6").communicate(timeout=60)[1]
    assert f"out: process {first.pid} runs there; wait for it" in err.splitlines()[-1]
    kill(first, signal.SIGTERM)


def test_a_run_that_came_in_between_is_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "least.toml"
    file.write_text(LEAST)
    settings = read_settings(str(file))
    place = destination(settings, (0,), tmp_path / "out")
    words = ["run", str(file), "--out", str(tmp_path / "out"), "--set", "match.steps=3", "--workers", "1"]
    assert CliRunner().invoke(app, words).exit_code == 0
    with pytest.raises(FeatsplitError, match="out: another run has been there since this one was started"):
        reopen(place, settings, [])
