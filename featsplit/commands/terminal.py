"""What is printed: in a pipe the line as it is; on a terminal broken between words, and verdicts in colour.

Colours are there only on a terminal, and nowhere where NO_COLOR is set (no-color.org); FORCE_COLOR asks for them in a
pipe too. A line in a log stays whole, so that it can be searched for.
"""

import os
import shutil
import sys
from textwrap import fill
from typing import TextIO

import typer

WIDEST = 100
"""Columns of a line of prose, however wide the terminal is."""
VERDICTS = {"holds": typer.colors.GREEN, "does not hold": typer.colors.RED, "undecided": typer.colors.YELLOW}
"""The words that begin the line of a statement."""


def is_coloured(stream: TextIO) -> bool:
    """Whether what is printed on `stream` has colours."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")


def say(*lines: str) -> None:
    """Lines of progress, on standard error; on a terminal broken between words, what goes on is indented."""
    for line in lines:
        typer.echo(fitted(line, sys.stderr), err=True)


def fitted(line: str, stream: TextIO) -> str:
    """The `line` in as many as a terminal needs for it; as it is where `stream` is none."""
    if not stream.isatty():
        return line
    width = min(shutil.get_terminal_size().columns, WIDEST)
    return fill(line, width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def show(text: str) -> None:
    """What came out, on standard output, its verdicts coloured where there are colours."""
    coloured = is_coloured(sys.stdout)
    lines = [_painted(line) for line in text.split("\n")] if coloured else [text]
    typer.echo("\n".join(lines), color=coloured)


def _painted(line: str) -> str:
    """The `line`, its verdict in colour if it begins with one."""
    word = next((word for word in VERDICTS if line.startswith(f"{word}  ")), "")
    return typer.style(word, fg=VERDICTS[word], bold=True) + line[len(word) :] if word else line
