"""featsplit train: a classifier, standard or adversarial."""

from pathlib import Path
from typing import Annotated

import typer

from featsplit.commands import options, shared, single
from featsplit.records.data import DataSpec
from featsplit.records.models import ModelSpec
from featsplit.records.training import Recipe


def train(
    *,
    data: DataSpec,
    opening: shared.Opening = shared.Opening(),
    no_test: Annotated[
        bool, {"help": "Of a derived set: leave its source, with the test images, unopened.", "group": "Data"}
    ] = False,
    model: ModelSpec = ModelSpec(),
    training: Recipe = Recipe(),
    seed: single.Seed = 0,
    machine: shared.MachineOptions = shared.MachineOptions(),
    out: Annotated[Path, {"help": "The checkpoint to write (.safetensors).", "unit": "FILE", "group": "Output"}],
    overwrite: single.Overwrite = False,
    log: single.Log = None,
) -> None:
    """Train a classifier and keep its last epoch; started again after a kill, it goes on at its last epoch.

    The defaults are the paper's: SGD, 150 epochs, the rate times 0.1 every 50.
    """
    from featsplit.curves import FOLDER, check_tensorboard
    from featsplit.progress import curves_in
    from featsplit.training import ensure_trained

    options.check_suffix(out, ".safetensors")
    if log is not None:
        check_tensorboard()
    resolved, images = machine.resolved(), opening.load(data, test=not no_test)
    with curves_in(out.with_suffix(f".{FOLDER}") if log else None):
        metadata = ensure_trained(out, images, model, training, seed=seed, machine=resolved, overwrite=overwrite)
    last = metadata.history[-1]
    typer.echo(f"{out}: {model.arch} on {images.name}, {training.epochs} epochs")
    tested = f", test {last['test_accuracy']:.4f}" if "test_accuracy" in last else "; not tested"
    typer.echo(f"loss {last['loss']:.4f}, train accuracy {last['train_accuracy']:.4f}{tested}")
