"""The command line: one file for each command; parse, call, print. Errors are one line, with exit status 2."""

import sys

import typer

from featsplit.commands import build_nonrobust, build_robust, evaluate, info, run, show, train, transfer, verify
from featsplit.errors import FeatsplitError

app = typer.Typer(
    help="Split an image data set into robust and non-robust features (Ilyas et al. 2019, arXiv:1905.02175).",
    epilog="Start with: featsplit run digits",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    rich_markup_mode=None,
)
app.command("run")(run.run)
app.command("train")(train.train)
app.command("build-robust")(build_robust.build_robust)
app.command("build-nonrobust")(build_nonrobust.build_nonrobust)
app.command("evaluate")(evaluate.evaluate)
app.command("transfer")(transfer.transfer)
app.command("info")(info.info)
app.command("verify")(verify.verify)
app.command("show")(show.show)


def _version(asked: bool) -> None:
    if asked:
        from featsplit import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True)) -> None:
    """Split an image data set into robust and non-robust features (Ilyas et al. 2019, arXiv:1905.02175)."""


def main() -> None:
    """Run the command line; a FeatsplitError becomes one line on standard error."""
    try:
        app()
    except FeatsplitError as error:
        typer.echo(f"featsplit: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("featsplit: interrupted; the same command goes on where it stopped", err=True)
        sys.exit(130)
