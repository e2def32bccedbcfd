"""featsplit report: the page of a run, made again from its files; its main table; and runs side by side."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from featsplit.commands import options, single
from featsplit.errors import FeatsplitError
from featsplit.files import check_writable, replacing
from featsplit.report.blocks import Block, Explorer, main_table
from featsplit.report.cells import Cells, as_csv, as_latex
from featsplit.studies import open_results, page_of

if TYPE_CHECKING:
    from featsplit.engine.results import Results

Format = Literal["page", "latex", "csv"]
FORMS: Mapping[str, Callable[[Cells], str]] = {"latex": as_latex, "csv": as_csv}

Compared = Annotated[
    list[Path] | None, typer.Option("--compare", metavar="RUN", help="Set this run beside it; may be repeated.")
]
Form = Annotated[
    Format,
    typer.Option(
        "--format", metavar="page|latex|csv", help="The page; or the main table alone, on standard output or in --out."
    ),
]
Out = Annotated[Path | None, typer.Option(metavar="FILE", help="Where the comparison (.html) or the table goes.")]
Images = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="How many images of each set the page has, of up to 200 that are kept; by default up to 100, 2 MB.",
        show_default=False,
    ),
]


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run.")],
    compare: Compared = None,
    form: Form = "page",
    out: Out = None,
    images: Images = None,
    as_json: single.Json = False,
) -> None:
    """Write RUN/report.html, one page that needs no network, and RUN/report.md; or compare runs; or give its table."""
    from featsplit.engine.pages import write_report
    from featsplit.engine.side_by_side import comparison
    from featsplit.report.html import as_html, with_images
    from featsplit.report.terminal import as_terminal

    if images is not None and (images < 1 or as_json or compare or form != "page"):
        raise FeatsplitError(f"--images {images}: give 1 or more, for the page of one run")
    if as_json:
        if out is not None or compare or form != "page":
            raise FeatsplitError("--json: stands alone; --out, --compare and --format are of the page and its table")
        typer.echo(json.dumps(_as_json(run)))
        return
    _check_out(out, form, compared=bool(compare))
    runs = [run, *(compare or ())]
    _check_apart(runs)
    opened = [_opened(path) for path in runs]
    blocks = comparison(opened) if compare else opened[0][1]
    if form != "page":
        _give(FORMS[form](_table(blocks)), out)
    elif not compare:
        _check_images(images, run, blocks)
        write_report(opened[0][0], with_images(blocks, images))
        typer.echo(f"report: {run / 'report.html'} and {run / 'report.md'}")
    else:
        typer.echo(as_terminal(blocks))
        if out is not None:
            _give(as_html(blocks, run), out)
            typer.echo(f"comparison: {out}")


def _check_out(out: Path | None, form: Format, *, compared: bool) -> None:
    """Raise FeatsplitError where a file is asked for that is not written, or cannot be."""
    if out is None:
        return
    if form == "page" and not compared:
        raise FeatsplitError(
            f"--out {out}: is for a comparison or a table; give --compare or --format, or leave it out: the page of a "
            "run lies in its folder"
        )
    options.check_suffix(out, {"page": ".html", "latex": ".tex", "csv": ".csv"}[form])
    check_writable(out, overwrite=True)


def _check_apart(runs: Sequence[Path]) -> None:
    """Raise FeatsplitError where a run is to be compared with itself."""
    seen = set[Path]()
    for path in runs:
        if path.resolve() in seen:
            raise FeatsplitError(f"--compare {path}: is compared with already; name each run once")
        seen.add(path.resolve())


def _check_images(images: int | None, run: Path, blocks: list[Block]) -> None:
    """Raise FeatsplitError where a number of images is asked for, and the page has none."""
    if images is not None and not any(isinstance(block, Explorer) for block in blocks):
        raise FeatsplitError(f"--images {images}: {run} has kept no images to step through; leave it out")


def _opened(path: Path) -> "tuple[Results[Any], list[Block]]":
    """The run in the folder `path`, with its page."""
    results = open_results(path)
    return results, page_of(results)


def _table(blocks: list[Block]) -> Cells:
    """The main table of a page; FeatsplitError where it has none."""
    found = main_table(blocks)
    if found is None:
        raise FeatsplitError("--format: this page has no table; open it, report.html")
    return found


def _give(text: str, out: Path | None) -> None:
    """Write `text` to `out`, or print it."""
    if out is None:
        typer.echo(text)
        return
    with replacing(out) as partial:
        partial.write_text(text)


def _as_json(run: Path) -> dict[str, Any]:
    """What a run is, its rows, and its statements with their verdicts."""
    from featsplit.engine.study import claims_of
    from featsplit.studies import study_named

    results = open_results(run)
    claims = claims_of(study_named(results.settings.study).CLAIMS, results)
    return {
        "settings": results.settings.plain(),
        "seeds": list(results.seeds),
        "rows": list(results.rows),
        "statements": [
            {"what": one.what, "verdict": one.verdict, "known": one.known, "checks": [c._asdict() for c in one.checks]}
            for one in claims
        ],
        "command": results.command,
        "again": results.again,
        "versions": dict(results.versions),
        "date": results.date,
    }
