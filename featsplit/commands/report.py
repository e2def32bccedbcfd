"""featsplit report: the page of a run, made again from its files; and runs side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from featsplit.commands import options
from featsplit.files import check_writable, replacing
from featsplit.report import markup
from featsplit.studies import open_results, page_of

if TYPE_CHECKING:
    from featsplit.engine.results import Results


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
    from featsplit.engine.pages import comparison, write_report

    if not compare:
        write_report(*_opened(run))
        typer.echo(f"report: {run / 'report.html'} and {run / 'report.md'}")
        return
    if out is not None:
        options.check_suffix(out, ".html")
        check_writable(out, overwrite=True)
    blocks = comparison([_opened(path) for path in (run, *compare)])
    typer.echo(markup.as_terminal(blocks))
    if out is not None:
        with replacing(out) as partial:
            partial.write_text(markup.as_html(blocks, run))
        typer.echo(f"comparison: {out}")


def _opened(path: Path) -> "tuple[Results[Any], list[markup.Block]]":
    """The run in the folder `path`, with its page."""
    results = open_results(path)
    return results, page_of(results)
