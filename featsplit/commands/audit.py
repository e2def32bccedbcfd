"""featsplit audit: how useful and how robust the units of a network are, and how far its layers move."""

import shlex
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from featsplit.commands import options


def audit(
    context: typer.Context,
    model: Annotated[list[Path], typer.Argument(metavar="MODEL...", help="Checkpoints; several seeds give a spread.")],
    data: options.Data,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where rows.json and the page go.")],
    norm: Annotated[str, typer.Option(help="Of the adversary: l2 or linf.")] = "l2",
    eps: Annotated[float, typer.Option(help="Of the adversary, on the [0, 1] pixel scale.")] = 0.25,
    images: Annotated[int, typer.Option(min=2, help="How many test images the adversary is run on.")] = 200,
    steps: Annotated[int, typer.Option(min=1, help="Of its PGD.")] = 10,
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
    device: options.Device = "auto",
    precision: options.PrecisionName = "auto",
    factory: options.Factory = None,
    other_classes: options.OtherClasses = False,
) -> None:
    """The paper's rho and gamma of each unit and logit of each MODEL, and how far the adversary moves each layer.

    Networks trained alike (standard, or adversarially) are put together: their mean and spread.
    """
    began = time.perf_counter()
    from featsplit.evaluation import layer_robustness, usefulness
    from featsplit.files import write_json
    from featsplit.geometry import check_threat
    from featsplit.metadata.training import training_of
    from featsplit.models.checkpoints import read_metadata
    from featsplit.report.discussion import audit_page, audit_table
    from featsplit.report.markup import write_page
    from featsplit.report.tables import as_text
    from featsplit.runtime import check_precision, resolve_device

    check_threat("--eps", norm, eps)
    check_precision("--precision", precision)
    loaded = options.load_data(context.params)
    how: dict[str, Any] = {"norm": norm, "eps": eps, "images": images, "steps": steps, "seed": seed}
    how["device"] = resolve_device(device)
    rows = []
    for path in model:
        network = options.load_model(path, loaded, factory=factory, other_classes=other_classes)
        of = {"network": str(path), "training": training_of(read_metadata(path).recipe).kind, "test_set": data}
        units = usefulness(network, loaded.test, **how, precision=precision)  # type: ignore[arg-type]  # checked above
        rows += [{"part": "audit", **of, **row} for row in units]
        rows += [{"part": "layers", **of, **row} for row in layer_robustness(network, loaded.test, **how)]
        options.say(f"{path}: {len(units)} units and logits")
    options.say_owner(data, "train" if holdout else "test")
    write_json(out / "rows.json", rows)
    write_page(audit_page(rows, shlex.join(["featsplit", *sys.argv[1:]])), out)
    typer.echo(as_text(audit_table(rows)))
    typer.echo(f"{time.perf_counter() - began:.0f} s; page: {out / 'report.html'}")
