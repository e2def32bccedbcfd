"""featsplit export: a derived data set in the formats in which others look for data."""

from pathlib import Path
from typing import Annotated

import typer

from featsplit.commands import shared, single
from featsplit.commands.fields import changed_flags
from featsplit.errors import FeatsplitError
from featsplit.records.exports import Export

USUAL = shared.Opening()


def export(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A derived data set (.h5).")],
    out: Annotated[Path, typer.Option(metavar="PATH", help="The folder to write; of npz the file (.npz).")],
    export: Export = Export(),
    opening: shared.Opening = USUAL,
    overwrite: single.Overwrite = False,
) -> None:
    """Write a derived data set in another format, with a card (README.md) and a croissant.json that say what it is.

    They lie in the folder, of npz beside the file. PNG files are of 8 bits, and a line says what rounding cost; every
    other format loses nothing of the images.
    """
    from featsplit.data.sources import load_source
    from featsplit.exports import export as write

    if not export.other_split and (flags := changed_flags(opening, USUAL)):
        raise FeatsplitError(f"{flags[0]}: is for the source, which only --other-split reads")
    source = None
    if export.other_split:
        source = load_source(file, root=opening.data_root, download=opening.download, elsewhere=opening.source)
    rows, kept = write(file, out, export, source=source, overwrite=overwrite)
    typer.echo(f"{out}: {rows} images of {file}, as {export.format} has them")
    typer.echo(kept)
    if export.push is not None:
        typer.echo(f"uploaded to {export.push}, private if it was not there before")
