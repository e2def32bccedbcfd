"""featsplit init: settings that suit the user's data and machine, as a file."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featsplit.commands import options, shared, single
from featsplit.commands.fields import Only
from featsplit.errors import FeatsplitError, warn
from featsplit.files import check_writable, replacing
from featsplit.records.data import SOURCES, DataSpec
from featsplit.records.models import SMALL_ARCHITECTURES
from featsplit.report.cells import as_text

if TYPE_CHECKING:
    from featsplit.studies.ilyas2019.suited import Look, Suited

NO_DATA, USUAL = DataSpec(""), shared.Opening()
UNITS = {"s": 1, "m": 60, "h": 3600}
FEW = 100
"""Training images a class; with fewer it is said that the derived sets may teach nothing."""
ABOVE = 1.2
"""Times the accuracy of guessing that the trial network should have."""


def init(
    *,
    source: Annotated[str, typer.Argument(metavar="SRC", help=f"The data: {', '.join(SOURCES)}.")],
    data: Annotated[DataSpec, Only(("classes", "holdout", "resize", "resize_mode", "seed"))] = NO_DATA,
    opening: Annotated[shared.Opening, Only(("data_root", "download"))] = USUAL,
    budget: Annotated[
        str, {"help": "How long the run may take on this machine: 90s, 10m, 2h.", "unit": "TIME", "group": "Plan"}
    ] = "10m",
    device: single.Device = "auto",
    out: Annotated[Path, {"help": "The settings to write (.toml).", "unit": "FILE", "group": "Output"}],
    overwrite: single.Overwrite = False,
) -> None:
    """Look at the data, time this machine for some seconds, and write the settings of a run that suits both.

    It prints how long each stage will take. The file is commented, and yours to change: featsplit run FILE.
    """
    from featsplit.runtime import Machine, resolve_device
    from featsplit.studies.carry_out import usual_processes
    from featsplit.studies.ilyas2019.suited import commented, look_at, network_for, side_of, suited

    options.check_suffix(out, ".toml")
    check_writable(out, overwrite=overwrite)
    seconds, machine = _seconds(budget), Machine(resolve_device(device))
    spec = replace(data, source=source)
    images = opening.load(spec)
    if spec.resize is None and (side := side_of(images.shape, machine, seconds)):
        options.say(f"images of {images.shape[1]} x {images.shape[2]} are brought to {side} x {side} (--resize)")
        spec = replace(spec, resize=side)
        images = opening.load(spec)
    processes = usual_processes(machine, small=network_for(images.shape, machine).arch in SMALL_ARCHITECTURES)
    look = look_at(images, machine, processes=processes)
    found = suited(look, spec, name=out.stem, machine=machine, budget=seconds, processes=processes)
    _warn(look, found, source)
    where = {"--data-root": opening.data_root, "--device": None if device == "auto" else device}
    asked = {
        "--classes": ",".join(map(str, data.classes or ())), "--holdout": data.holdout or None,
        "--resize": data.resize, "--data-seed": data.seed or None, "--budget": budget, "--out": out,
    }  # fmt: skip
    made, run = _command("init", source, {**asked, **where}), _command("run", str(out), where)
    with replacing(out) as partial:
        partial.write_text(commented(found, look, made, run, processes=processes))
    _say(found, look, run, processes)
    if found.seconds > seconds:
        warn(
            f"--budget {budget}: a run of these data takes {found.seconds / 60:.1f} minutes at least here; give a "
            "longer one, fewer --classes, or a smaller --resize"
        )


def _command(name: str, subject: str, options: Mapping[str, object]) -> str:
    """The command `name` of a `subject`, with those of the `options` that are said."""
    words = [word for flag, value in options.items() if value not in (None, "") for word in (flag, str(value))]
    return shlex.join(["featsplit", name, subject, *words])


def _seconds(text: str) -> float:
    """The seconds that "90s", "10m" or "2h" stands for."""
    parsed = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh])", text)
    if not parsed or not float(parsed[1]):
        raise FeatsplitError(f'--budget "{text}": must be a time such as 90s, 10m or 2h')
    return float(parsed[1]) * UNITS[parsed[2]]


def _warn(look: "Look", found: "Suited", source: str) -> None:
    """Say of data what will keep a run from teaching anything."""
    if look.accuracy < ABOVE / look.classes:
        warn(
            f"{source}: a network that learned for some seconds predicts {look.accuracy:.2f} of the test images, and "
            f"guessing {1 / look.classes:.2f}: the eps may be off; look at them, and train longer"
        )
    used = found.settings.data.limit or look.counts.train
    if used < FEW * look.classes:
        cure = "more images" if used == look.counts.train else "a longer --budget, a smaller --resize"
        warn(
            f"{source}: {used / look.classes:.0f} training images a class are used; from so few D_rand teaches little "
            f"beyond chance ({FEW} or more are usual): give {cure}, or fewer --classes"
        )


def _say(found: "Suited", look: "Look", run: str, processes: int) -> None:
    """Print how long each stage takes, and the whole."""
    table = [["stage", "minutes"], *([name, f"{seconds / 60:.1f}"] for name, seconds in found.stages.items())]
    typer.echo(as_text(table))
    eps = found.settings.perturb.eps
    limit = found.settings.data.limit or look.counts.train
    typer.echo(
        f"{limit} training images, perturbed by up to {eps:g} (l2); standard networks are fooled at {look.fooled:.2g}"
    )
    typer.echo(f"{found.seconds / 60:.1f} minutes by {processes} processes of this machine: {run}")
