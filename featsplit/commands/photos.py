"""featsplit photos: a sheet of adversarial images to print, and what is left of them on your own photographs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from featsplit.commands import single
from featsplit.errors import FeatsplitError

if TYPE_CHECKING:
    from featsplit.engine.results import Results
    from featsplit.studies.kurakin2017.place import Bench


def photos(
    *,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run of kurakin2017.")],
    sheet: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write the pages to print, and their manifest, there.")
    ] = None,
    crops: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Your crops, beside the manifest or in a folder below it.")
    ] = None,
    pairs: Annotated[
        int,
        typer.Option(min=1, metavar="NUMBER", help="On the sheet, of each method at each eps; fewer where fewer fool."),
    ] = 6,
    data_root: single.DataRoot = None,
    download: single.Download = False,
) -> None:
    """Print adversarial images, photograph them, and see what the photographs destroy.

    First --sheet: print its pages, photograph them, cut out each image, and save it under the name that is printed
    below it. Then --crops: what the network predicts of them is printed, kept in RUN, and told on its page.
    """
    if (sheet is None) == (crops is None):
        raise FeatsplitError("photos: give --sheet FOLDER to write one, or --crops FOLDER once it is photographed")
    results, bench = _opened(run, data_root, download=download)
    if sheet is not None:
        from featsplit.studies.kurakin2017.photographs.own import print_sheet

        pages = print_sheet(bench, sheet, count=pairs)
        typer.echo(f"{', '.join(map(str, pages))} and {sheet / 'manifest.json'}")
        typer.echo(f"then: featsplit photos {run} --crops {sheet}")
    elif crops is not None:
        typer.echo(_measured(results, bench, crops))


def _opened(run: Path, root: Path | None, *, download: bool) -> "tuple[Results[Any], Bench]":
    """The run in that folder, and what its first seed has; FeatsplitError where it has no photographs."""
    from featsplit.engine.jobs import Worker
    from featsplit.runtime import CPU
    from featsplit.studies import open_results
    from featsplit.studies.kurakin2017.place import Bench, Place

    results = open_results(run)
    if results.settings.study != "kurakin2017" or "photographs" not in results.settings.experiments:
        raise FeatsplitError(f'{run}: is no run of kurakin2017 with its experiment "photographs"; make one of these')
    worker = Worker(run, CPU, root, typer.echo, download)
    return results, Bench(worker, Place(results.settings, results.seeds[0]))


def _measured(results: "Results[Any]", bench: "Bench", folder: Path) -> str:
    """What the crops in `folder` give, as a text; it is kept in the run, whose page is written again."""
    from featsplit.engine.pages import write_report
    from featsplit.report.cells import as_text
    from featsplit.studies import page_of
    from featsplit.studies.kurakin2017.photographs.own import keep, network_key, own_rows, read_crops
    from featsplit.studies.kurakin2017.photographs.page import pairs_in_brief
    from featsplit.studies.kurakin2017.photographs.sheet import read_manifest

    if not folder.is_dir():
        raise FeatsplitError(f"--crops {folder}: is no folder; give the one of your crops")
    manifest = read_manifest(folder)
    if (manifest.network, manifest.seed) != (network_key(bench), bench.seed):
        raise FeatsplitError(f"--crops {folder}: the sheet is of another network than {results.path}; give its own run")
    found = read_crops(folder, manifest, bench.network().shape)
    rows = own_rows(bench, found)
    keep(results.path, manifest.network, rows)
    write_report(results, page_of(results))
    more = [f"{len(found.missing)} crops are missing: {', '.join(found.missing[:6])} ..."] if found.missing else []
    return "\n\n".join([as_text(pairs_in_brief(rows)), *more, f"report: {results.path / 'report.html'}"])
