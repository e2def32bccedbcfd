"""featsplit export: a derived data set in the layout of the published ones."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from featsplit.commands import single

Format = Literal["madrylab"]


def export(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A derived data set (.h5).")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder to write.")],
    format_: Annotated[Format, {"help": "CIFAR_ims and CIFAR_lab.", "flag": "--format"}] = "madrylab",
    overwrite: single.Overwrite = False,
) -> None:
    """Write images and labels of a derived data set as others read them; the rest of its metadata stays behind."""
    from featsplit.data.madrylab import export_madrylab

    rows = export_madrylab(file, out, overwrite=overwrite)
    typer.echo(f"{out}: {rows} images of {file}, as {format_} has them")
