"""featsplit run: all of it in order, by a preset or the user's own TOML file."""

import shlex
import time
from pathlib import Path
from typing import Annotated

import typer

from featsplit.commands import options


def run(
    preset: Annotated[
        str,
        typer.Argument(
            metavar="PRESET|FILE.toml",
            help="A preset (digits, mnist-mini, cifar10-mini, cifar10-cpu, cifar10, paper-cifar10 ...) or a file.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="[default: datasets_out/PRESET; PRESET-... where that has a run of other settings]"
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(help="One whole run for each, such as 0,1,2.")] = "0",
    parts: Annotated[
        str | None,
        typer.Option(
            help="all, none, or of noise, splits, control, architectures, steps, autoattack, audit, leakage, bugs, "
            "mislabelled."
        ),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting: perturb.eps=0.5.")
    ] = None,
    data_root: options.DataRoot = None,
    download: options.Download = False,
    device: options.Device = "auto",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes side by side. [default: one a core for a small network]")
    ] = None,
) -> None:
    """Train standard and adversarial, build the four sets, retrain on each, evaluate everything, print the table.

    Started again after a kill it goes on where it stopped; a changed setting redoes only what depends on it, in a
    folder of its own unless --out is given. The settings are left there too: settings.toml.
    """
    began = time.perf_counter()
    from featsplit.data.sources import load_data
    from featsplit.experiment.folders import close, destination, finished, reopen
    from featsplit.experiment.run import run as run_all
    from featsplit.experiment.run import usual_workers
    from featsplit.experiment.settings import read_experiment
    from featsplit.experiment.workers import start_workers
    from featsplit.files import check_writable
    from featsplit.report.notes import notes
    from featsplit.runtime import resolve_device

    experiment = read_experiment(preset, [*options.parts(parts), *(set_ or [])])
    numbers = options.whole_numbers(seeds, "--seeds")
    place = destination(experiment, numbers, out)
    for line in place.said:
        options.say(line)
    folder = place.folder
    if finished(folder, experiment, numbers):
        from featsplit.report.page import summary

        typer.echo(summary(folder))
        typer.echo(f"{folder}: this run is finished; change a setting, or give another --out, to run again")
        return
    where = resolve_device(device)
    check_writable(folder / "run.json", overwrite=True)
    for note in notes(experiment):
        options.say(note)
    with start_workers(workers or usual_workers(experiment, where)) as started:
        from featsplit.experiment.plan import sets_of
        from featsplit.report.grids import draw_grid  # takes its second while the workers begin
        from featsplit.report.page import summary, write_report

        data = load_data(experiment.data, root=data_root, download=download)
        reopen(place, experiment, numbers)
        run_all(experiment, data, seeds=numbers, out=folder, device=where, say=options.say, workers=started)
    for name in sets_of(experiment):
        draw_grid(folder / f"seed{numbers[0]}" / "sets" / f"{name}.h5", folder / "grids" / f"{name}.png", source=data)
    made, again = _command(preset, seeds, parts, set_), _again(folder, seeds, data_root)
    close(folder, experiment, data, seeds=numbers, command=made, again=again)
    write_report(folder)
    typer.echo(summary(folder))
    typer.echo(f"{time.perf_counter() - began:.0f} s; report: {folder / 'report.html'}")


def _command(preset: str, seeds: str, parts: str | None, settings: list[str] | None) -> str:
    words = ["featsplit", "run", preset, "--seeds", seeds, *(["--parts", parts] if parts else [])]
    return shlex.join([*words, *(word for setting in settings or [] for word in ("--set", setting))])


def _again(folder: Path, seeds: str, data_root: Path | None) -> str:
    """The command that makes the run in `folder` again, from the settings that it left there alone."""
    words = ["featsplit", "run", str(folder / "settings.toml"), "--seeds", seeds, "--out", f"{folder}-again"]
    return shlex.join([*words, *(["--data-root", str(Path(data_root).absolute())] if data_root else [])])
