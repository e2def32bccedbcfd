"""featsplit import-madrylab: the authors' published sets as files of ours."""

from pathlib import Path
from typing import Annotated

import typer

from featsplit.commands import options, shared, single
from featsplit.commands.fields import Only, changed_flags
from featsplit.errors import FeatsplitError
from featsplit.records.data import DataSpec

NO_DATA, USUAL = DataSpec(""), shared.Opening()


def import_madrylab(
    *,
    path: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Of a set: CIFAR_ims and CIFAR_lab."),
    ],
    name: Annotated[
        str | None,
        {"help": "robust, nonrobust, rand or det.", "flag": "--set", "default": "by the folder's name", "group": "Set"},
    ] = None,
    split: Annotated[
        shared.SplitName | None, {"help": "What the set was made of.", "default": "train", "group": "Set"}
    ] = None,
    data: DataSpec = NO_DATA,
    opening: Annotated[shared.Opening, Only(("data_root", "download"))] = USUAL,
    out: Annotated[Path, {"help": "The set to write (.h5).", "unit": "FILE", "group": "Output"}],
    overwrite: single.Overwrite = False,
) -> None:
    """Read a data set that the paper's authors published; nothing in its files is executed. Networks: import-model.

    It has images and labels alone: the release does not say which image each was made from. --data is what it was
    made of, for classes and test images; by default that is cifar10, which is not read.
    """
    from featsplit.data import madrylab as sets

    of_data = [*changed_flags(data, NO_DATA), *changed_flags(opening, USUAL)]
    if not path.exists():
        raise FeatsplitError(f"{path}: is not there; give the folder of a set")
    if not path.is_dir():
        raise FeatsplitError(f"{path}: is a file, no set; a network comes in by featsplit import-model madrylab:{path}")
    options.check_suffix(out, ".h5")
    if of_data and not data.source:
        raise FeatsplitError(f"{of_data[0]}: says how to read --data SRC; give that too")
    source = opening.load(data) if data.source else None
    called, half = name or sets.set_of_folder(path), split or "train"
    rows = sets.import_madrylab(path, out, name=called, source=source, split=half, overwrite=overwrite)
    origin = source.name if source else "cifar10"
    typer.echo(f"{out}: {called or 'a set without a name (see --set)'} from {origin} ({half}), {rows} images")
