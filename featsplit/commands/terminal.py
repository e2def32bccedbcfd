"""What is printed: in a pipe the line as it is; on a terminal broken between words, and counts of verdicts in colour.

Colours are there only on a terminal, and nowhere where NO_COLOR is set (no-color.org); FORCE_COLOR asks for them in a
pipe too. A line in a log stays whole, so that it can be searched for.
"""

import os
import re
import shutil
import sys
from textwrap import fill
from typing import TextIO

import typer

WIDEST = 100
"""Columns of a line of prose, however wide the terminal is."""
COUNTED = {
    r"[1-9]\d* of \d+ [a-z\s]+ hold\s+here": typer.colors.GREEN,
    r"[1-9]\d*\s+do\s+not\b": typer.colors.RED,
    r"[1-9]\d*\s+are\s+undecided": typer.colors.YELLOW,
}
"""How many statements hold, do not and are undecided, as a run says it, where any are."""


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
    """What came out, on standard output, its counts of verdicts coloured where there are colours."""
    coloured = is_coloured(sys.stdout)
    typer.echo(_painted(text) if coloured else text, color=coloured)


def _painted(text: str) -> str:
    """The `text`, each count of verdicts in its colour."""
    for pattern, colour in COUNTED.items():
        text = re.sub(pattern, typer.style(r"\g<0>", fg=colour, bold=True), text)
    return text
