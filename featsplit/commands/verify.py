"""featsplit verify: whether a derived data set is still what was written."""

from pathlib import Path
from typing import Annotated

import typer


def verify(file: Annotated[Path, typer.Argument(metavar="FILE", help="A derived data set (.h5).")]) -> None:
    """Recompute the digest of every column; exit status 2 where one differs."""
    from featsplit.data import derived

    columns = derived.verify(file)
    typer.echo(f"{file}: {len(columns)} columns verified ({', '.join(columns)})")
