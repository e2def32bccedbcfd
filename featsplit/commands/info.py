"""featsplit info: the story of a derived data set or a checkpoint, in a screenful."""

from pathlib import Path
from typing import Annotated

import typer


def info(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .h5 data set or a .safetensors checkpoint.")],
) -> None:
    """Print what a file is, what it was made of and by, and how well."""
    from featsplit.report.stories import model_story, set_story

    typer.echo(model_story(file) if file.suffix == ".safetensors" else set_story(file))
