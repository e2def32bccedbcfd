"""What a user should know of a result: one line on standard error, once, and the exit status is as ever."""

import subprocess
import sys
import warnings

import pytest
import typer

from featsplit import commands
from featsplit.errors import FeatsplitError, FeatsplitWarning, warn


def line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: typer.Typer) -> tuple[int, str]:
    """The exit status of `command` in the place of ours, and what it prints on standard error."""
    monkeypatch.setattr(commands, "app", command)
    monkeypatch.setattr(sys, "argv", ["featsplit"])
    with pytest.raises(SystemExit) as ended:
        commands.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code, capsys.readouterr().err


def one_command(*, fails: bool = False) -> typer.Typer:
    app = typer.Typer()

    @app.command()
    def says() -> None:
        for _ in range(3):
            warn("3 of 7 are odd; mend them")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # forgets which warnings were shown
        warn("4 of 7 are even; mend them")
        if fails:
            raise FeatsplitError("x = 1: must be 2")

    return app


def test_a_warning_is_one_line_once(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    notes = "featsplit: note: 3 of 7 are odd; mend them\nfeatsplit: note: 4 of 7 are even; mend them\n"
    assert line(capsys, monkeypatch, one_command()) == (0, notes)
    assert line(capsys, monkeypatch, one_command(fails=True)) == (2, notes + "featsplit: x = 1: must be 2\n")


def test_outside_of_the_command_line_it_is_a_warning_of_python() -> None:
    with pytest.warns(FeatsplitWarning, match="3 of 7 are odd") as caught:
        warn("3 of 7 are odd; mend them")
    assert caught[0].filename == __file__, "it points at who says it"
    code = "from featsplit.errors import warn\nfor _ in range(3): warn('odd')"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
    assert told.count("FeatsplitWarning: odd") == 1
