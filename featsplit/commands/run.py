"""featsplit run: a study, all of it in order, by a preset or the user's own TOML file."""

import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, NoReturn

import typer

from featsplit.commands import options, single, terminal
from featsplit.errors import FeatsplitError
from featsplit.records.engine import EngineOptions

if TYPE_CHECKING:
    from featsplit.records.engine import EngineSpec
    from featsplit.studies import Shown


Preset = Annotated[
    str, typer.Argument(metavar="PRESET|FILE.toml", help=f"A preset ({', '.join(options.presets())}) or a file.")
]
Seeds = Annotated[
    tuple[int, ...], {"help": "One whole run for each, such as 0,1,2.", "unit": "NUMBERS", "group": "Study"}
]
Experiments = Annotated[
    str | None,
    {
        "help": (
            "Of the study's: all, none, or some with commas. Of ilyas2019: noise, splits, control, architectures, "
            "steps, autoattack, distance; of distill2019 these too, and audit, leakage, bugs, mislabelled; of "
            "szegedy2014: units, models, halves, spectral; of goodfellow2015: linear, logistic, confidence, decay, "
            "adversarial, alternatives; of kurakin2017: methods, transformations, photographs, storage; of "
            "carlini2017: objectives, cases, distillation, transfer, pictures."
        ),
        "default": "as the preset says",
        "unit": "NAMES",
        "group": "Study",
    },
]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a setting: perturb.eps=0.5.", rich_help_panel="Study"),
]
Sweep = Annotated[
    str | None,
    {
        "help": "A run for each value, and one page with curves: perturb.eps=0.25,0.5,1.",
        "unit": "KEY=VALUES",
        "group": "Study",
    },
]
Printed = Annotated[
    bool,
    typer.Option("--print", help="Print the preset, as a file to change, and run nothing.", rich_help_panel="Output"),
]
Onlys = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="JOB",
        help="Do this job alone (featsplit jobs names them); those that it needs are done. Repeatable.",
        rich_help_panel="Engine",
    ),
]
Out = Annotated[
    Path | None,
    {
        "help": "Where it goes.",
        "default": "datasets_out/PRESET; PRESET-... where that has a run of other settings",
        "unit": "FOLDER",
        "group": "Output",
    },
]


def run(
    *,
    preset: Preset,
    data_root: single.DataRoot = None,
    download: single.Download = False,
    seeds: Seeds = (0,),
    experiments: Experiments = None,
    set_: Changes = None,
    device: single.Device = "auto",
    engine: EngineOptions = EngineOptions(),
    only: Onlys = None,
    sweep: Sweep = None,
    out: Out = None,
    print_: Printed = False,
) -> None:
    """Run a study: train its networks, make its sets, measure everything, print what came out, write its page.

    Started again after a kill it goes on where it stopped; a changed setting redoes only what depends on it, in a
    folder of its own unless --out is given. The settings are left there too: settings.toml. Exit status 1 where an
    answer that is known did not come out. With --only there are no rows and no page yet: when all jobs are done, the
    same command without it writes them.
    """
    if print_:
        from featsplit.engine.study import text_of

        _refuse(("--set", set_), ("--experiments", experiments), ("--sweep", sweep), ("--only", only), beside="--print")
        typer.echo(text_of(preset), nl=False)
        return
    from featsplit.studies import engine_of

    overrides = [*options.experiments(experiments, preset), *(set_ or [])]
    settled = engine_of(preset, engine).on(device)
    asked = Asked(preset, overrides, seeds, out, device, data_root, download, settled)
    if sweep is not None:
        _refuse(("--only", only), beside="--sweep")
        _sweep(asked, sweep)
    else:
        _whole(asked, only or (), _command(preset, seeds, experiments, set_ or ()))


class Asked(NamedTuple):
    """Which run is asked for, where it goes, and on what it is carried out."""

    preset: str
    overrides: list[str]
    seeds: Sequence[int]
    out: Path | None
    device: str
    root: Path | None
    download: bool
    engine: "EngineSpec"


def _whole(asked: Asked, only: Sequence[str], command: str) -> None:
    """The run that is asked for, or `only` some of its jobs; `command` is how it was asked for."""
    began = time.perf_counter()
    from featsplit.engine.folders import destination, is_finished
    from featsplit.engine.results import RUN
    from featsplit.files import check_writable
    from featsplit.runtime import Machine, resolve_device
    from featsplit.studies import read_settings
    from featsplit.studies.beforehand import expected_time, usual_time
    from featsplit.studies.carry_out import carry_out, carry_out_jobs

    settings = read_settings(asked.preset, asked.overrides)
    place = destination(settings, asked.seeds, asked.out)
    options.say(*place.lines)
    if is_finished(place.folder, settings, asked.seeds):
        kept = f"kept: {place.folder}: this run is finished; change a setting, or give another --out, to run again"
        _end(_finished(place.folder), f"{kept}\npage: {place.folder / 'report.html'}")
    machine = Machine(resolve_device(asked.device), settings.precision)
    check_writable(place.folder / RUN, overwrite=True)
    if only:
        options.say(*settings.notes())
        carry_out_jobs(
            settings, place, only, seeds=asked.seeds, machine=machine, root=asked.root, download=asked.download,
            engine=asked.engine, say=options.say,
        )  # fmt: skip
        return
    shown = carry_out(
        settings, place, seeds=asked.seeds, machine=machine, root=asked.root, download=asked.download,
        engine=asked.engine, command=command, say=options.say,
        time=expected_time(usual_time(asked.preset), len(asked.seeds), changed=bool(asked.overrides)),
    )  # fmt: skip
    _end(shown, f"page: {place.folder / 'report.html'}\n{time.perf_counter() - began:.0f} s")


def _sweep(asked: Asked, text: str) -> None:
    """A run for each value of a setting; then the page of all, and what a terminal shows of it."""
    from featsplit.engine.folders import is_finished
    from featsplit.report.page import write_page
    from featsplit.report.terminal import in_brief
    from featsplit.runtime import Machine, resolve_device
    from featsplit.studies import open_results
    from featsplit.studies.carry_out import carry_out
    from featsplit.studies.sweeping import page, parsed, places

    key, values = parsed(text)
    found = places(asked.preset, asked.overrides, key, values, asked.seeds, asked.out)
    for value, (settings, place) in found.items():
        options.say(f"{key} = {value}: {place.folder}", *place.lines)
        if is_finished(place.folder, settings, asked.seeds):
            continue
        command = _command(asked.preset, asked.seeds, None, [*asked.overrides, f"{key}={value}"])
        machine = Machine(resolve_device(asked.device), settings.precision)
        carry_out(
            settings, place, seeds=asked.seeds, machine=machine, root=asked.root, download=asked.download,
            engine=asked.engine, command=command, say=options.say,
        )  # fmt: skip
    whole = next(iter(found.values()))[1].folder.parent
    command = shlex.join([*shlex.split(_command(asked.preset, asked.seeds, None, asked.overrides)), "--sweep", text])
    blocks = page(key, {value: open_results(place.folder) for value, (_, place) in found.items()}, command)
    write_page(blocks, whole)
    terminal.show(f"\n{in_brief(blocks)}\n\npage: {whole / 'report.html'}")


def _refuse(*said: tuple[str, object], beside: str) -> None:
    """Raise FeatsplitError where an option is said that means nothing `beside` another."""
    for flag, value in said:
        if value:
            raise FeatsplitError(f"{flag}: means nothing beside {beside}; leave one of them out")


def _command(preset: str, seeds: Sequence[int], experiments: str | None, changes: Sequence[str]) -> str:
    """The command that asks for this run, wherever it goes."""
    words = ["featsplit", "run", preset, "--seeds", ",".join(map(str, seeds))]
    words += ["--experiments", experiments] if experiments else []
    return shlex.join([*words, *(word for setting in changes for word in ("--set", setting))])


def _finished(folder: Path) -> "Shown":
    """What the run in `folder` has shown; its page is made again where it is gone."""
    from featsplit.report.page import PAGE, write_page
    from featsplit.studies import open_results, page_of, shown_in_brief

    results = open_results(folder)
    page = page_of(results)
    if not (folder / PAGE).is_file():
        write_page(page, folder)
    return shown_in_brief(results, page)


def _end(shown: "Shown", last: str) -> NoReturn:
    terminal.show(shown.text)
    terminal.show(last)
    raise typer.Exit(shown.status)
