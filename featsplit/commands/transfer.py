"""featsplit transfer: what each derived set is worth to each architecture."""

import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featsplit.commands import options, shared, single
from featsplit.commands.fields import Only
from featsplit.records.engine import EngineOptions
from featsplit.records.evaluation import UnderPGD
from featsplit.records.models import ARCHITECTURES
from featsplit.records.training import TRANSFER, Recipe

if TYPE_CHECKING:
    from featsplit.engine.folders import Destination
    from featsplit.studies.set_transfer import Settings

ASKED = Only(("epochs", "batch_size", "lr", "schedule", "augment"))


def transfer(
    *,
    sets: Annotated[list[str], typer.Argument(metavar="SET...", help="Derived sets (.h5), or any data set.")],
    opening: shared.Opening = shared.Opening(),
    arch: Annotated[
        tuple[str, ...],
        {"help": f"With commas: {', '.join(ARCHITECTURES)}, or module:function.", "unit": "NAMES", "group": "Model"},
    ] = ("resnet8",),
    training: Annotated[Recipe, ASKED] = TRANSFER,
    attack: UnderPGD = UnderPGD(),
    seeds: Annotated[tuple[int, ...], {"help": "One training for each, such as 0,1,2.", "unit": "NUMBERS"}] = (0,),
    machine: shared.MachineOptions = shared.MachineOptions(),
    engine: EngineOptions = EngineOptions(),
    out: Annotated[Path, {"help": "Where networks, rows.json and the page go.", "unit": "FOLDER", "group": "Output"}],
    as_json: single.Json = False,
) -> None:
    """Train each architecture on each SET, and test it on the original test set, clean and under attack.

    A SET made of the test split (build-robust --split test) is not trained on: every network is tested on it too.
    Started again after a kill it goes on where it stopped.
    """
    began = time.perf_counter()
    from featsplit.engine.jobs import Worker
    from featsplit.engine.results import rows_as_json
    from featsplit.studies.carry_out import carry_out
    from featsplit.studies.set_transfer import Settings

    settings = Settings(
        name="transfer",
        precision=machine.precision,
        sets=tuple(sets),
        architectures=arch,
        train=training,
        evaluate=attack,
        elsewhere=opening.source,
    )
    settings.check()
    on = machine.resolved()
    settings.check_sets(Worker(out, on, opening.data_root, options.say, opening.download))
    shown = carry_out(
        settings,
        _place(settings, seeds, out),
        seeds=seeds,
        machine=on,
        root=opening.data_root,
        download=opening.download,
        engine=engine.settled().on(machine.device),
        command=_command(settings, seeds),
        say=options.say,
    )
    for name in sets:
        options.say_owner(name, "test")
    ended = f"page: {out / 'report.html'}\n{time.perf_counter() - began:.0f} s"
    typer.echo(rows_as_json(out) if as_json else f"{shown.text}\n{ended}")


def _place(settings: "Settings", seeds: Sequence[int], out: Path) -> "Destination":
    """Where it goes, having said what that replaces there."""
    from featsplit.engine.folders import destination

    place = destination(settings, seeds, out)
    for line in place.lines:
        options.say(line)
    return place


def _command(settings: "Settings", seeds: Sequence[int]) -> str:
    """The command that asks for the transfer of these settings."""
    train, test = settings.train, settings.evaluate
    values = {
        "--arch": ",".join(settings.architectures),
        "--epochs": train.epochs,
        "--batch-size": train.batch_size,
        "--lr": train.lr,
        "--schedule": train.schedule,
        "--augment": ",".join(train.augment),
        "--norm": test.norm,
        "--eps": ",".join(f"{eps:g}" for eps in test.eps),
        "--steps": test.steps,
        "--restarts": test.restarts,
        "--seeds": ",".join(map(str, seeds)),
        "--precision": settings.precision,
        "--source": settings.elsewhere,
    }
    words = [word for flag, value in values.items() if value not in (None, "") for word in (flag, f"{value}")]
    return shlex.join(["featsplit", "transfer", *settings.sets, *words])
