"""featsplit audit: how useful and how robust the units of a network are, and how far its layers move."""

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featsplit.commands import options, shared, single
from featsplit.files import write_json
from featsplit.metadata.training import training_of
from featsplit.records.data import DataSpec
from featsplit.records.evaluation import Probe
from featsplit.report.cells import as_text
from featsplit.report.markup import write_page

if TYPE_CHECKING:
    from featsplit.evaluation import LayerRow, UnitRow


def audit(
    *,
    models: Annotated[list[Path], typer.Argument(metavar="MODEL...", help="Checkpoints; several seeds give a spread.")],
    use: shared.ModelUse = shared.ModelUse(),
    data: DataSpec,
    opening: shared.Opening = shared.Opening(),
    adversary: Probe = Probe(),
    seed: single.Seed = 0,
    machine: shared.MachineOptions = shared.MachineOptions(),
    out: Annotated[Path, {"help": "Where rows.json and the page go.", "unit": "FOLDER", "group": "Output"}],
) -> None:
    """The paper's rho and gamma of each unit and logit of each MODEL, and how far the adversary moves each layer.

    Networks trained alike (standard, or adversarially) are put together: their mean and spread.
    """
    from featsplit.evaluation import layer_robustness, usefulness
    from featsplit.models.checkpoints import read_metadata
    from featsplit.studies.distill2019.page import audit_page, audit_table
    from featsplit.studies.distill2019.rows import units_of

    began, images = time.perf_counter(), opening.load(data)
    rows = list["UnitRow | LayerRow"]()
    for path in models:
        network = use.load(path, images)
        training = training_of(read_metadata(path).recipe).kind
        units = usefulness(network, images.test, adversary, seed=seed, machine=machine.resolved())
        layers = layer_robustness(network, images.test, adversary, seed=seed, machine=machine.resolved())
        for unit in units:
            unit |= {"experiment": "audit", "network": str(path), "training": training, "test_set": data.source}
        for layer in layers:
            layer |= {"experiment": "layers", "network": str(path), "training": training, "test_set": data.source}
        rows += [*units, *layers]
        options.say(f"{path}: {len(units)} units and logits")
    options.say_owner(data.source, "train" if data.holdout else "test")
    write_json(out / "rows.json", rows)
    write_page(audit_page(rows, shlex.join(["featsplit", *sys.argv[1:]])), out)
    typer.echo(as_text(audit_table(units_of(rows))))
    typer.echo(f"{time.perf_counter() - began:.0f} s; page: {out / 'report.html'}")
