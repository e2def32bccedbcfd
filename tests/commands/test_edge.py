"""The outermost edge: what nobody foresaw is one line too, with the place, and a traceback where it is asked for."""

import sys

import pytest
import typer

from featsplit import commands


def raising(error: BaseException) -> typer.Typer:
    """A command line of one command, which raises `error`."""
    app = typer.Typer()

    @app.command()
    def fails() -> None:
        raise error

    return app


@pytest.fixture(autouse=True)
def usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(commands.DEBUG, "")
    monkeypatch.setattr(sys, "argv", ["featsplit"])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ZeroDivisionError("one\nhalf"),
            "ZeroDivisionError: one half (at test_edge.py:17); not foreseen: please report",
        ),
        (MemoryError(), "not enough memory; ask for fewer images at a time (--batch-size), a smaller network"),
        (RuntimeError("[enforce] alloc_cpu.cpp: can't allocate memory: you tried"), "not enough memory; ask for"),
        (RuntimeError("Storage size calculation overflowed with sizes=[9, 9]"), "not enough memory; ask for"),
        (RuntimeError("mat1 and mat2 shapes"), "RuntimeError: mat1 and mat2 shapes (at"),
        (PermissionError(13, "Permission denied", "/a/b"), "/a/b: Permission denied"),
        (OSError(36, "File name too long", "x\udce9"), "x\\udce9: File name too long"),
        (ValueError("\ud800"), "ValueError: \\ud800 (at"),
    ],
)
def test_an_error_that_nobody_foresaw_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, said: str
) -> None:
    monkeypatch.setattr(commands, "app", raising(error))
    with pytest.raises(SystemExit) as ended:
        commands.main()
    printed = capsys.readouterr().err
    assert ended.value.code == 2
    assert printed.startswith(f"featsplit: {said}")
    assert printed.count("\n") == 1


def test_its_traceback_is_there_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "app", raising(ZeroDivisionError("half")))
    monkeypatch.setenv(commands.DEBUG, "1")
    with pytest.raises(ZeroDivisionError, match="half"):
        commands.main()
