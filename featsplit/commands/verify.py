"""featsplit verify: whether a derived data set is still what was written."""

import json
from pathlib import Path
from typing import Annotated

import typer

from featsplit.commands import single


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A derived data set (.h5).")],
    as_json: single.Json = False,
) -> None:
    """Recompute the digest of every column; exit status 2 where one differs."""
    from featsplit.data import derived

    columns = derived.verify(file)
    if as_json:
        typer.echo(json.dumps({"file": str(file), "columns": columns}))
        return
    typer.echo(f"{file}: {len(columns)} columns verified ({', '.join(columns)})")
