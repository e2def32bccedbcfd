"""featsplit report: the page of a run, made again from its files; and runs side by side."""

from pathlib import Path
from typing import Annotated

import typer

from featsplit.commands import options


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run.")],
    compare: Annotated[
        list[Path] | None, typer.Option("--compare", metavar="RUN", help="Set this run beside it; may be repeated.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the comparison goes (.html); else it is only printed.")
    ] = None,
) -> None:
    """Write RUN/report.html, one page that needs no network, and RUN/report.md; or compare runs."""
    from featsplit.report import markup
    from featsplit.report.page import Run, comparison, write_report

    if not compare:
        write_report(run)
        typer.echo(f"report: {run / 'report.html'} and {run / 'report.md'}")
        return
    blocks = comparison([Run(path) for path in (run, *compare)])
    typer.echo(markup.as_terminal(blocks))
    if out is not None:
        options.check_suffix(out, ".html")
        out.write_text(markup.as_html(blocks, run))
        typer.echo(f"comparison: {out}")
