"""featsplit audit: how useful and how robust the units of a network are, and how far its layers move."""

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featsplit.commands import options, shared, single
from featsplit.records.data import DataSpec
from featsplit.records.engine import EngineOptions, EngineSpec
from featsplit.records.evaluation import Probe

if TYPE_CHECKING:
    from featsplit.studies.audit import Settings


def audit(
    *,
    models: Annotated[list[Path], typer.Argument(metavar="MODEL...", help="Checkpoints; several seeds give a spread.")],
    use: shared.ModelUse = shared.ModelUse(),
    cutting: shared.Cutting = shared.Cutting(),
    data: DataSpec,
    opening: shared.Opening = shared.Opening(),
    adversary: Probe = Probe(),
    seed: single.Seed = 0,
    machine: shared.MachineOptions = shared.MachineOptions(),
    engine: EngineOptions = EngineOptions(),
    out: Annotated[Path, {"help": "Where rows.json and the page go.", "unit": "FOLDER", "group": "Output"}],
    as_json: single.Json = False,
) -> None:
    """The paper's rho and gamma of each unit and logit of each MODEL, and how far the adversary moves each layer.

    Networks trained alike (standard, or adversarially) are put together: their mean and spread. Started again after a
    kill it goes on where it stopped.
    """
    began = time.perf_counter()
    from featsplit.studies.audit import Settings

    settings = Settings(
        precision=machine.precision,
        networks=tuple(map(str, models)),
        data=data,
        adversary=adversary,
        layer=cutting.layer,
        pool=cutting.pool,
        factory=use.factory,
        other_classes=use.other_classes,
        elsewhere=opening.source,
    )
    settings.check()
    text = _carried_out(settings, opening, machine, engine.settled().on(machine.device), seed, out)
    options.say_owner(data.source, "train" if data.holdout else "test")
    if as_json:
        from featsplit.engine.results import rows_as_json

        typer.echo(rows_as_json(out))
        return
    typer.echo(text)
    typer.echo(f"page: {out / 'report.html'}\n{time.perf_counter() - began:.0f} s")


def _carried_out(
    settings: "Settings",
    opening: shared.Opening,
    machine: shared.MachineOptions,
    engine: EngineSpec,
    seed: int,
    out: Path,
) -> str:
    """Carry the audit of these settings out; what a terminal shows of it."""
    from featsplit.engine.folders import destination
    from featsplit.engine.jobs import Worker
    from featsplit.studies.carry_out import carry_out

    on = machine.resolved()
    worker = Worker(out, on, opening.data_root, options.say, opening.download)
    for path in settings.networks:
        settings.network(path, worker)  # before anything is measured
    place = destination(settings, (seed,), out)
    options.say(*place.lines)
    return carry_out(
        settings, place, seeds=(seed,), machine=on, root=opening.data_root, download=opening.download, engine=engine,
        command=_command(settings, seed), say=options.say,
    ).text  # fmt: skip


def _command(settings: "Settings", seed: int) -> str:
    """The command that asks for the audit of these settings."""
    data, adversary = settings.data, settings.adversary
    values = {
        "--data": data.source,
        "--classes": ",".join(map(str, data.classes or ())),
        "--holdout": data.holdout,
        "--limit": data.limit,
        "--limit-test": data.limit_test,
        "--data-seed": data.seed,
        "--resize": data.resize,
        "--resize-mode": data.resize_mode,
        "--norm": adversary.norm,
        "--eps": f"{adversary.eps:g}",
        "--images": adversary.images,
        "--steps": adversary.steps,
        "--seed": seed,
        "--precision": settings.precision,
        "--layer": settings.layer,
        "--pool": settings.pool,
        "--factory": ",".join(settings.factory),
        "--source": settings.elsewhere,
    }
    words = [word for flag, value in values.items() if value not in (None, "") for word in (flag, f"{value}")]
    words += ["--other-classes"] if settings.other_classes else []
    return shlex.join(["featsplit", "audit", *settings.networks, *words])
