"""featsplit show: source, start and result of a derived data set, side by side."""

from pathlib import Path
from typing import Annotated

import typer

from featsplit.commands import options, single


def show(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A derived data set (.h5).")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The picture to write (.png).")],
    count: Annotated[int, typer.Option(min=1, help="How many examples, spread over the set.")] = 8,
    source: single.Source = None,
    data_root: single.DataRoot = None,
    download: single.Download = False,
    overwrite: single.Overwrite = False,
) -> None:
    """Draw examples of a derived data set as a PNG, with labels and targets."""
    from featsplit.data.sources import load_source
    from featsplit.errors import FeatsplitError
    from featsplit.files import check_writable
    from featsplit.metadata.sets import read_set_metadata
    from featsplit.report.grids import draw_grid

    options.check_suffix(out, ".png")
    check_writable(out, overwrite=overwrite)
    if read_set_metadata(file).spec.method == "import":
        raise FeatsplitError(f"{file}: was imported, and does not say which image each row came from, as show needs")
    opened = load_source(file, root=data_root, download=download, elsewhere=source)
    drawn = draw_grid(file, out, source=opened, count=count)
    typer.echo(f"{out}: {drawn} examples of {file}")
