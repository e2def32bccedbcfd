"""featsplit import-madrylab: the authors' published sets and networks as files of ours."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from featsplit.commands import options
from featsplit.errors import FeatsplitError

OF_DATA = ("resize", "resize_mode", "limit", "limit_test", "classes", "holdout", "data_seed", "data_root", "download")
OF_SET = ("set_", "data", "split", *OF_DATA)


def import_madrylab(
    context: typer.Context,
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER|FILE.pt", help="A set (CIFAR_ims and CIFAR_lab), or a network such as cifar_nat.pt."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="To write: .h5 for a set, .safetensors for a network.")],
    set_: Annotated[
        str | None,
        typer.Option("--set", help="robust, nonrobust, rand or det. [default: by the folder's name]"),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="SRC",
            help="What the set was made of, for classes and test images. [default: cifar10, unread]",
        ),
    ] = None,
    split: Annotated[str | None, typer.Option(help="What it was made of: train or test. [default: train]")] = None,
    resize: options.Resize = None,
    resize_mode: options.ResizeMode = None,
    limit: options.Limit = None,
    limit_test: options.LimitTest = None,
    classes: options.Classes = None,
    holdout: options.Holdout = 0.0,
    data_seed: options.DataSeed = 0,
    data_root: options.DataRoot = None,
    download: options.Download = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Read a data set or a network that the paper's authors published; nothing in their files is executed.

    A set has images and labels alone: the release does not say which image each was made from.
    """
    given = context.params
    if path.is_dir():
        _import_set(path, out, given)
    elif path.exists():
        _refuse(OF_SET, given, f"belongs to a set, and {path} is a file; give the folder of a set")
        _import_network(path, out, overwrite=overwrite)
    else:
        raise FeatsplitError(f"{path}: is not there; give the folder of a set, or the file of a network")


def _refuse(names: tuple[str, ...], given: Mapping[str, Any], reason: str) -> None:
    for name in names:
        if given[name]:
            raise FeatsplitError(f"--{name.strip('_').replace('_', '-')}: {reason}")


def _import_set(folder: Path, out: Path, given: Mapping[str, Any]) -> None:
    from featsplit.data.madrylab import import_madrylab as import_set
    from featsplit.data.madrylab import set_of_folder

    options.check_suffix(out, ".h5")
    if not given["data"]:
        _refuse(OF_DATA, given, "says how to read --data SRC; give that too")
    source = options.load_data(given) if given["data"] else None
    name, split = given["set_"] or set_of_folder(folder), options.one_split(given["split"] or "train")
    rows = import_set(folder, out, name=name, source=source, split=split, overwrite=given["overwrite"])
    origin = source.name if source else "cifar10"
    typer.echo(f"{out}: {name or 'a set without a name (see --set)'} from {origin} ({split}), {rows} images")


def _import_network(path: Path, out: Path, *, overwrite: bool) -> None:
    from featsplit.files import check_writable
    from featsplit.models.madrylab import import_madrylab as import_network

    options.check_suffix(out, ".safetensors")
    check_writable(out, overwrite=overwrite)
    import_network(path, out)
    typer.echo(f"{out}: resnet50 of 3 x 32 x 32 images and 10 classes, from {path}")
