"""featsplit evaluate: models x data sets x attacks."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from featsplit.commands import options

if TYPE_CHECKING:
    from featsplit.data.images import ImageData


def evaluate(
    context: typer.Context,
    model: Annotated[
        list[Path], typer.Option("--model", metavar="FILE", help="A checkpoint; give as many as you like.")
    ],
    data: Annotated[
        list[str],
        typer.Option("--data", metavar="SRC", help=f"Its images (see --on); as many as you like: {options.SOURCES}."),
    ],
    on: Annotated[
        str,
        typer.Option("--on", help="test or train images. A derived set's own are those of the split it is made of."),
    ] = "test",
    attack: Annotated[
        str, typer.Option(help="fgsm, bim or pgd; with commas for several. Clean is always there.")
    ] = "pgd",
    norm: Annotated[str, typer.Option(help="l2, linf, or both with a comma.")] = "l2",
    eps: Annotated[str, typer.Option(help="On the [0, 1] pixel scale; with commas for several.")] = "0.25,0.5",
    steps: int = 20,
    step_size: Annotated[float | None, typer.Option(help="[default: 2.5 eps / steps]")] = None,
    restarts: Annotated[int, typer.Option(help="Of pgd: the best over restarts counts for each image.")] = 3,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the rows as JSON.")] = None,
    seed: options.Seed = 0,
    resize: options.Resize = None,
    resize_mode: options.ResizeMode = None,
    limit: options.Limit = None,
    limit_test: options.LimitTest = None,
    classes: options.Classes = None,
    holdout: options.Holdout = 0.0,
    data_seed: options.DataSeed = 0,
    source: options.Source = None,
    data_root: options.DataRoot = None,
    download: options.Download = False,
    batch_size: options.BatchSize = None,
    device: options.Device = "auto",
    precision: options.PrecisionName = "auto",
    factory: options.Factory = None,
    other_classes: options.OtherClasses = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Clean accuracy, and accuracy under each attack at each norm and eps, of every model on every data set.

    The test images of a derived set are those of its source, unless it was made of the test split.
    """
    from featsplit import evaluation
    from featsplit.data.places import owner
    from featsplit.files import check_writable, write_json
    from featsplit.models.checkpoints import read_metadata
    from featsplit.report.tables import as_text, listing
    from featsplit.runtime import check_precision, resolve_device

    split = options.one_split(on, "--on")
    if out:
        check_writable(out, overwrite=overwrite)
    sizes = options.numbers(eps, "--eps")
    attacks = [evaluation.Attack()]
    for name in options.words(attack):
        many = restarts if name == "pgd" else 1
        attacks += [
            evaluation.Attack(name, one, size, steps, step_size, many)  # type: ignore[arg-type]  # checked below
            for one in options.words(norm)
            for size in sizes
        ]
    for each in attacks:
        each.check()
    check_precision("--precision", precision)
    where, rows = resolve_device(device), []
    for name in data:
        loaded = _loaded(name, split, context.params)
        for path in model:
            network = options.load_model(path, loaded, factory=factory, other_classes=other_classes)
            metadata = read_metadata(path)
            about = {"model": str(path), "train_set": metadata.trained_on, "architecture": metadata.arch}
            found = evaluation.evaluate(
                network,
                loaded.train if split == "train" else loaded.test,
                attacks,
                seed=seed,
                batch_size=batch_size,
                device=where,
                precision=precision,  # type: ignore[arg-type]  # checked above
                title=path.stem,
            )
            about |= {"test_set": name, "split": split, "images_of": owner(name, "train" if holdout else split)}
            rows += [{**about, **row} for row in found]
        cure = f"; --on {'train' if split == 'test' else 'test'} reads the set's own images"
        options.say_owner(name, "train" if holdout else split, cure=cure)
    if out:
        write_json(out, rows)
    typer.echo(as_text(listing(rows)))


def _loaded(name: str, split: str, given: Mapping[str, Any]) -> "ImageData":
    """The data set `name`; of a derived set whose own images are asked for, its source is not opened."""
    from featsplit.data.places import elsewhere_of, is_derived, owner

    asked = {**given, "data": name, "limit_test": given["limit_test"] if split == "test" else None}
    part = "train" if given["holdout"] else split
    alone = is_derived(name) and part == "train" and owner(name, part) == name
    source = None if alone else elsewhere_of(name, given["source"], given["data"])
    return options.load_data({**asked, "source": source}, test=not alone)
