"""featsplit show: source, start and result of a derived data set, side by side; of any other a sheet of its images."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from featsplit.commands import options, shared, single
from featsplit.errors import FeatsplitError
from featsplit.records.data import SOURCES_IN_WORDS, DataSpec

Subject = Annotated[str, typer.Argument(metavar="SRC", help=f"A data set: {SOURCES_IN_WORDS}.")]


def show(
    *,
    subject: Subject,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The picture to write (.png).")],
    count: Annotated[
        int,
        typer.Option(
            min=1, metavar="NUMBER", help="How many examples, spread over a derived set; of another, of each class."
        ),
    ] = 8,
    data: Annotated[DataSpec, shared.ALL_BUT_THE_SOURCE] = DataSpec(""),
    split: Annotated[shared.SplitName, {"help": "Which images of a data set that is not derived.", "group": "Data"}] = (
        "train"
    ),
    seed: Annotated[int, {"help": "Decides which images of each class."}] = 0,
    source: single.Source = None,
    data_root: single.DataRoot = None,
    download: single.Download = False,
    overwrite: single.Overwrite = False,
) -> None:
    """Draw examples as a PNG: of a derived data set with labels and targets, of any other some images of each class."""
    from featsplit.data.places import is_derived
    from featsplit.files import check_writable

    options.check_suffix(out, ".png")
    check_writable(out, overwrite=overwrite)
    opening = shared.Opening(source, data_root, download)
    if is_derived(subject):
        shared.check_of_source(subject, data)
        _check_derived(subject, split, seed)
        drawn = _draw_derived(Path(subject), out, opening, count=count)
        typer.echo(f"{out}: {drawn} examples of {subject}")
        return
    from featsplit.report.grids import draw_sheet

    images = opening.load(replace(data, source=subject))
    classes = draw_sheet(out, images, split=split, count=count, seed=seed)
    of = f"each of {len(images.classes)} classes"
    of = of if len(classes) == len(images.classes) else f"{len(classes)} of {len(images.classes)} classes (--classes)"
    typer.echo(f"{out}: up to {count} {split} images of {of} of {subject}")


def _check_derived(subject: str, split: str, seed: int) -> None:
    """Raise FeatsplitError for an option that decides nothing of a derived set's picture."""
    for flag, given in (("--split", split != "train"), ("--seed", seed != 0)):
        if given:
            raise FeatsplitError(f"{subject}: {flag}: is for a source of data; of a derived set all is in its file")


def _draw_derived(file: Path, out: Path, opening: shared.Opening, *, count: int) -> int:
    """Draw examples of the derived set, with what each was made of; how many."""
    from featsplit.data.sources import load_source
    from featsplit.metadata.sets import read_set_metadata
    from featsplit.report.grids import draw_grid

    if read_set_metadata(file).spec.method == "import":
        raise FeatsplitError(f"{file}: was imported, and does not say which image each row came from, as show needs")
    source = load_source(file, root=opening.data_root, download=opening.download, elsewhere=opening.source)
    return draw_grid(file, out, source=source, count=count)
