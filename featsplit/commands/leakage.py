"""featsplit leakage: how much of the true labels a derived set leaks through robust features."""

from pathlib import Path
from typing import Annotated

import typer

from featsplit.commands import options
from featsplit.errors import FeatsplitError


def leakage(
    file: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Derived sets (.h5) of one source.")],
    norm: Annotated[str, typer.Option(help="Of the adversary that the linear network is trained against.")] = "l2",
    eps: Annotated[
        float | None, typer.Option(help="Its radius on the [0, 1] pixel scale. [default: the first FILE's]")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Of its training.")] = 20,
    seeds: Annotated[str, typer.Option(help="One linear network for each, such as 0,1,2.")] = "0,1,2",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the rows as JSON.")] = None,
    source: options.Source = None,
    data_root: options.DataRoot = None,
    download: options.Download = False,
    device: options.Device = "auto",
    overwrite: options.Overwrite = False,
) -> None:
    """Train a linear classifier on robust linear features of each FILE, and test it on the true test images.

    The features are the logits of an adversarially trained linear network of the source (Goh 2019). What the classifier
    then reads came through robust features: a lower bound on the leak. The source itself stands first.
    """
    from featsplit.data.derived import load_split
    from featsplit.data.sources import load_source
    from featsplit.evaluation import leaked_accuracy
    from featsplit.files import check_writable, write_json
    from featsplit.metadata.sets import read_set_metadata
    from featsplit.models.build import build
    from featsplit.report.discussion import leakage_lines
    from featsplit.report.tables import as_text
    from featsplit.runtime import resolve_device
    from featsplit.training import Adversary, Recipe, train

    if out:
        check_writable(out, overwrite=overwrite)
    specs = {path: read_set_metadata(path).spec for path in file}
    for path, spec in specs.items():
        if spec.source_digest != specs[file[0]].source_digest:
            raise FeatsplitError(f"{path}: is of another source than {file[0]}; give the sets of one source")
    perturbed = specs[file[0]].parameters.get("eps") if specs[file[0]].method == "perturb" else None
    radius = eps if eps is not None else perturbed
    if not isinstance(radius, int | float):
        raise FeatsplitError(f"{file[0]}: was not perturbed within a radius; give --eps, the linear network's")
    adversary = Adversary("pgd", norm, radius, steps=3)  # type: ignore[arg-type]  # checked by Recipe.check
    recipe = Recipe(epochs=epochs, lr=0.02, schedule="one-cycle", nesterov=True, adversary=adversary)
    recipe.check("leakage")
    where, rows = resolve_device(device), []
    data = load_source(file[0], root=data_root, download=download, elsewhere=source)
    sets = {"D itself": data.train, **{str(path): load_split(path) for path in file}}
    for seed in options.whole_numbers(seeds, "--seeds"):
        model = build("linear", shape=data.shape, classes=len(data.classes), seed=seed)
        train(model, data, recipe, seed=seed, device=where, title="linear")
        for name, split in sets.items():
            found = leaked_accuracy(model, split, data.test)
            of = {"part": "leakage", "train_set": name, "test_set": "source", "seed": seed, "n": len(data.test)}
            rows.append({**of, "accuracy": found})
    if out:
        write_json(out, rows)
    typer.echo(as_text(leakage_lines(rows, {name: name for name in sets})))
