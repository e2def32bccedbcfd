"""featsplit info: what a derived data set or a checkpoint is, in a screenful."""

from pathlib import Path
from typing import Annotated

import typer


def info(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .h5 data set or a .safetensors checkpoint.")],
) -> None:
    """Print what a file is, what it was made of and by, and how well."""
    from featsplit.report.files import model_text, set_text

    typer.echo(model_text(file) if file.suffix == ".safetensors" else set_text(file))
