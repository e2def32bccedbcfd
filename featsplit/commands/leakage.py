"""featsplit leakage: how much of the true labels a derived set leaks through robust features."""

import json
from pathlib import Path
from typing import Annotated

import typer

from featsplit.commands import shared, single
from featsplit.errors import FeatsplitError
from featsplit.files import check_writable, write_json
from featsplit.geometry import Norm, Threat
from featsplit.metadata.sets import SetSpec, read_set_metadata
from featsplit.records.training import LEAKAGE
from featsplit.report.cells import as_text
from featsplit.rows import Row


def leakage(
    *,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Derived sets (.h5) of one source.")],
    opening: shared.Opening = shared.Opening(),
    norm: Annotated[Norm, {"help": "Of the adversary that the linear network meets.", "group": "Training"}] = "l2",
    eps: Annotated[
        float | None,
        {"help": "Its radius on the [0, 1] pixel scale.", "default": "the first FILE's", "group": "Training"},
    ] = None,
    epochs: Annotated[
        int, {"help": "Of the linear network's training.", "min": 1, "group": "Training"}
    ] = LEAKAGE.epochs,
    seeds: Annotated[tuple[int, ...], {"help": "One linear network for each, such as 0,1,2.", "unit": "NUMBERS"}] = (
        0,
        1,
        2,
    ),
    machine: shared.MachineOptions = shared.MachineOptions(),
    out: Annotated[Path | None, {"help": "Write the rows as JSON.", "unit": "FILE", "group": "Output"}] = None,
    overwrite: single.Overwrite = False,
    as_json: single.Json = False,
) -> None:
    """Train a linear classifier on robust linear features of each FILE, and test it on the true test images.

    The features are the logits of an adversarially trained linear network of the source (Goh 2019). What the classifier
    then predicts came through robust features: a lower bound on the leak. The source itself stands first.
    """
    from featsplit.data.derived import load_split
    from featsplit.data.sources import load_source
    from featsplit.models.build import build
    from featsplit.studies.distill2019.leakage import leaked_rows, linear_recipe
    from featsplit.studies.distill2019.page import leakage_lines
    from featsplit.training import train

    if out:
        check_writable(out, overwrite=overwrite)
    first = _of_one_source(files)
    recipe = linear_recipe(Threat(norm, _radius(files[0], first) if eps is None else eps), epochs)
    recipe.check("leakage")
    resolved, rows = machine.resolved(), list[Row]()
    data = load_source(files[0], root=opening.data_root, download=opening.download, elsewhere=opening.source)
    sets = {str(path): load_split(path) for path in files}
    for seed in seeds:
        model = build("linear", shape=data.shape, classes=len(data.classes), seed=seed)
        train(model, data, recipe, seed=seed, machine=resolved, title="linear")
        rows += leaked_rows(model, data, sets, seed=seed)
    if out:
        write_json(out, rows)
    if as_json:
        typer.echo(json.dumps({"rows": rows}))
        return
    typer.echo(as_text(leakage_lines(rows, {"source": "D itself", **{name: name for name in sets}})))


def _of_one_source(files: list[Path]) -> SetSpec:
    """What the first of the sets says; FeatsplitError where another is of another source."""
    specs = {path: read_set_metadata(path).spec for path in files}
    first = specs[files[0]]
    for path, spec in specs.items():
        if spec.source_digest != first.source_digest:
            raise FeatsplitError(f"{path}: is of another source than {files[0]}; give the sets of one source")
    return first


def _radius(path: Path, spec: SetSpec) -> float:
    radius = spec.parameters.get("eps") if spec.method == "perturb" else None
    if not isinstance(radius, int | float):
        raise FeatsplitError(f"{path}: was not perturbed within a radius; give --eps, the linear network's")
    return float(radius)
