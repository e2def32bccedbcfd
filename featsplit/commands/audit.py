"""featsplit audit: how useful and how robust the units of a network are, and how far its layers move."""

import shlex
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from featsplit.commands import options, shared, single
from featsplit.data.sources import DataSpec
from featsplit.evaluation import LayerRow, UnitRow, layer_robustness, usefulness
from featsplit.files import write_json
from featsplit.geometry import Norm, Threat
from featsplit.metadata.training import training_of
from featsplit.models.checkpoints import read_metadata
from featsplit.report.cells import as_text
from featsplit.report.markup import write_page
from featsplit.studies.distill2019.page import audit_page, audit_table
from featsplit.studies.distill2019.rows import units_of


@dataclass(frozen=True)
class Adversary:
    """Who moves the images."""

    norm: Norm = field(default="l2", metadata={"help": "Of the adversary."})
    eps: float = field(default=0.25, metadata={"help": "Of the adversary, on the [0, 1] pixel scale."})
    images: int = field(default=200, metadata={"help": "How many test images the adversary is run on.", "min": 2})
    steps: int = field(default=10, metadata={"help": "Of its PGD.", "min": 1})

    def check(self, place: str = "adversary") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        Threat(self.norm, self.eps).check(place)


def audit(
    *,
    models: Annotated[list[Path], typer.Argument(metavar="MODEL...", help="Checkpoints; several seeds give a spread.")],
    use: shared.ModelUse = shared.ModelUse(),
    data: DataSpec,
    opening: shared.Opening = shared.Opening(),
    adversary: Adversary = Adversary(),
    seed: single.Seed = 0,
    machine: shared.MachineOptions = shared.MachineOptions(),
    out: Annotated[Path, {"help": "Where rows.json and the page go.", "unit": "FOLDER", "group": "Output"}],
) -> None:
    """The paper's rho and gamma of each unit and logit of each MODEL, and how far the adversary moves each layer.

    Networks trained alike (standard, or adversarially) are put together: their mean and spread.
    """
    began, images = time.perf_counter(), opening.load(data)
    device, rows = machine.resolved(), list[UnitRow | LayerRow]()
    norm, eps, count, steps = adversary.norm, adversary.eps, adversary.images, adversary.steps
    for path in models:
        network = use.load(path, images)
        training = training_of(read_metadata(path).recipe).kind
        units = usefulness(
            network,
            images.test,
            norm=norm,
            eps=eps,
            images=count,
            steps=steps,
            seed=seed,
            device=device,
            precision=machine.precision,
        )
        layers = layer_robustness(
            network, images.test, norm=norm, eps=eps, images=count, steps=steps, seed=seed, device=device
        )
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
