"""The command line: one file for each command; parse, call, print. Errors are one line, with exit status 2."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TextIO

import typer

from featsplit.commands.lazily import Lazy
from featsplit.errors import FeatsplitError, FeatsplitWarning

INTERRUPTED = 130
UNREADABLE: Any = typer.BadParameter.__mro__[2]  # ClickException: click's, or from typer 0.26 on typer's own

COMMANDS = {
    "run": "A study, by a preset or a TOML file.",
    "train": "A classifier, standard or adversarial.",
    "build-robust": "D_R, by representation matching.",
    "build-nonrobust": "D_rand, D_det and D_NR.",
    "attack": "The nearest adversarial image of each image.",
    "evaluate": "Models x data sets x attacks.",
    "transfer": "What each set is worth to each architecture.",
    "audit": "How useful and how robust each unit is.",
    "leakage": "What robust features leak of the labels.",
    "report": "The page of a run; runs side by side.",
    "photos": "Adversarial images to print and photograph.",
    "import-madrylab": "A published set or network as a file of ours.",
    "export": "A set in the layout of the published ones.",
    "info": "What a file says of itself.",
    "verify": "Whether a set is still what was written.",
    "show": "Examples of a set as a picture.",
}
"""Each command in a line; its module is imported when it is asked for."""

app = typer.Typer(
    epilog="Start with: featsplit run digits",
    add_completion=False,
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
) -> None:
    """Split an image data set into robust and non-robust features (Ilyas et al. 2019, arXiv:1905.02175)."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the command line; a FeatsplitError, or options that cannot be read, become one line on standard error."""
    try:
        with _one_line_warnings():
            code = app(standalone_mode=False)
    except FeatsplitError as error:
        _fail(str(error), 2)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        if not isinstance(error, UNREADABLE):
            raise
        _fail(error.format_message(), 2)
    if code == INTERRUPTED:
        _fail("interrupted; run, train and build go on where they stopped", INTERRUPTED)
    sys.exit(code or 0)


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
        elif str(message) not in shown:
            shown.add(str(message))
            typer.echo(f"featsplit: note: {message}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always", FeatsplitWarning)
        warnings.showwarning = show
        yield


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"featsplit: {message}", err=True)
    sys.exit(code)
