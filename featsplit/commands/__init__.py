"""The command line: one file for each command; parse, call, print. Errors are one line, with exit status 2."""

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, NoReturn, TextIO

import typer

from featsplit.commands import terminal
from featsplit.commands.lazily import Lazy, Sections
from featsplit.commands.listed import COMMANDS
from featsplit.errors import FeatsplitError, FeatsplitWarning
from featsplit.files import TRUST

INTERRUPTED, DEBUG = 130, "FEATSPLIT_DEBUG"
SHARED = ("train", "evaluate")
"""Commands that the processes of torchrun do together."""
NO_MEMORY = ("can't allocate memory", "out of memory", "Storage size calculation overflowed")
"""What the RuntimeErrors of torch have one of, where there is too little, or more was asked for than there can be."""
UNREADABLE: Any = typer.BadParameter.__mro__[2]  # ClickException: click's, or from typer 0.26 on typer's own

FIRST = """\
featsplit splits a labelled image data set into the features that a robust
classifier uses and the features that only a standard one uses (Ilyas et al.
2019, arXiv:1905.02175), and shows what each kind is worth.

See it in about a minute, on images that come with it:

    featsplit run digits

Then with images of your own, in class folders below photos/train and
photos/test; init says how many minutes it will take:

    featsplit init folder:photos --out photos.toml
    featsplit run photos.toml

All commands: featsplit --help"""

app = typer.Typer(
    cls=Sections,
    epilog="Start with: featsplit run digits",
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    rich_markup_mode=None,
)


def _placeholder() -> None:
    """What a command does is known when it is asked for: see `Lazy`."""


for _name, _line in COMMANDS.items():
    app.command(_name, short_help=_line, cls=Lazy)(_placeholder)


def _version(asked: bool) -> None:
    if asked:
        from featsplit import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print it and exit."),
    trust: bool = typer.Option(
        False, "--trust", help="Use models and sets whose bytes have changed since they were written."
    ),
    debug: bool = typer.Option(
        False, "--debug", help="Print the traceback of an error that is no one's fault but ours."
    ),
) -> None:
    """Split an image data set into robust and non-robust features (Ilyas et al. 2019, arXiv:1905.02175)."""
    if debug:
        os.environ[DEBUG] = "1"
    if trust:
        os.environ[TRUST] = "1"  # for the processes of a run too
    if context.invoked_subcommand is None:
        typer.echo(FIRST)
    elif _are_several() and context.invoked_subcommand not in SHARED:
        raise FeatsplitError(
            f"{context.invoked_subcommand}: is not for several processes (torchrun); "
            f"{' and '.join(SHARED)} are, and a run spreads its jobs by --engine ray"
        )


def main() -> None:
    """Run the command line; whatever goes wrong becomes one line on standard error.

    SIGTERM and SIGHUP, which a batch scheduler sends, end it as Ctrl-C does.
    """
    try:
        with _ended_by_signals(), _one_line_warnings(), _in_group():
            code = app(prog_name="featsplit", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        if isinstance(error, FeatsplitError) and not _is_first():
            sys.exit(2)  # of several processes that do the same the first says it
        _fail(_line_of(error), 2)
    if code == INTERRUPTED:
        _fail("interrupted; run, train and build go on where they stopped", INTERRUPTED)
    sys.exit(code or 0)


def _are_several() -> bool:
    return os.environ.get("WORLD_SIZE", "1") != "1"


def _is_first() -> bool:
    return not _are_several() or os.environ.get("RANK", "0") == "0"


@contextmanager
def _in_group() -> Iterator[None]:
    """Inside, the processes that torchrun started hear each other; only the first says lines."""
    if not _are_several():
        yield
        return
    from featsplit.progress import silent
    from featsplit.runtime import together

    with together() as ranks, open(os.devnull, "w") as nowhere:
        if ranks.is_first:
            yield
            return
        silent()
        with redirect_stdout(nowhere):
            yield


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP are a KeyboardInterrupt; what comes while it ends is not heard."""
    ending = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]

    def interrupt(number: int, frame: object) -> NoReturn:
        for each in (signal.SIGINT, *ending):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    usual = {each: signal.signal(each, interrupt) for each in ending}
    try:
        yield
    finally:
        for each, handler in usual.items():
            if signal.getsignal(each) is interrupt:
                signal.signal(each, handler)


def _line_of(error: Exception) -> str:
    """What is said of `error`: what the user can mend, as it is; what we did not foresee, with where it happened."""
    if isinstance(error, FeatsplitError):
        return str(error)
    if isinstance(error, UNREADABLE):
        return str(error.format_message())
    if isinstance(error, OSError) and error.filename is not None:
        return f"{_printable(error.filename)}: {error.strerror}"
    if _wants_memory(error):
        return "not enough memory; ask for fewer images at a time (--batch-size), a smaller network or fewer --workers"
    last = traceback.extract_tb(error.__traceback__)[-1]
    said = " ".join(_printable(error).split())[:200]
    place = f"{Path(last.filename).name}:{last.lineno}"
    return f"{type(error).__name__}: {said} (at {place}); not foreseen: please report what --debug prints"


def _wants_memory(error: Exception) -> bool:
    """Whether there is not enough of it, or never could be: torch has RuntimeErrors for that."""
    said = str(error) if isinstance(error, RuntimeError) else ""
    return isinstance(error, MemoryError) or any(words in said for words in NO_MEMORY)


def _printable(value: object) -> str:
    """`value` as text that any terminal takes."""
    return str(value).encode("utf-8", "backslashreplace").decode()


@contextmanager
def _one_line_warnings() -> Iterator[None]:
    """Inside, a FeatsplitWarning is one line on standard error, the same one once; other warnings are as before."""
    usual, shown = warnings.showwarning, set[str]()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if not issubclass(category, FeatsplitWarning):
            usual(message, category, filename, lineno, file, line)
        elif str(message) not in shown and _is_first():
            shown.add(str(message))
            terminal.say(f"featsplit: note: {message}")

    with warnings.catch_warnings():
        warnings.simplefilter("always", FeatsplitWarning)
        warnings.showwarning = show
        yield


def _fail(message: str, code: int) -> NoReturn:
    terminal.say(f"featsplit: {_printable(message)}")
    sys.exit(code)
