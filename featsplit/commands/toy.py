"""featsplit toy: the constructions whose answer is known."""

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from featsplit.commands import options
from featsplit.errors import unknown

if TYPE_CHECKING:
    from featsplit.report.answers import Verdict
    from featsplit.report.markup import Block

app = typer.Typer(
    no_args_is_help=True,
    help="The constructions whose answer is known.",
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
Seeds = Annotated[str, typer.Option(help="One whole study for each, such as 0,1,2.")]
Out = Annotated[Path | None, typer.Option(metavar="FOLDER", help="[default: datasets_out/toy-NAME]")]


@app.command("gaussians", short_help="The paper's theory, and a simulation of it.")
def gaussians(
    mean: Annotated[str, typer.Option(help="mu*, 2 to 10 numbers with commas, from -1000 to 1000.")] = "10,-1",
    variances: Annotated[str, typer.Option(help="The diagonal of S*, with commas, from 0.001 to 1000.")] = "21.6,0.86",
    eps: Annotated[
        str, typer.Option(help="The adversary's radii, with commas, up to 1000 times the least standard deviation.")
    ] = "0,1,10",
    penalty: Annotated[float | None, typer.Option(help="Theorem 1's C. [default: 2 / the least variance]")] = None,
    samples: Annotated[int, typer.Option(help="How many examples to simulate with, at least 100.")] = 50_000,
    seeds: Seeds = "0,1,2",
    out: Out = None,
) -> None:
    """Theorems 1, 2 and 3 of the paper in closed form, beside Monte Carlo and adversarial training; Figure 4.

    Exit status 1 where a simulation is off its formula.
    """
    began = time.perf_counter()
    from featsplit.report.answers import agreement, gaussians_verdicts
    from featsplit.report.tables import as_text
    from featsplit.report.toys import gaussians_page
    from featsplit.toys.gaussians import Gaussians, compare

    asked = Gaussians(
        tuple(options.numbers(mean, "--mean")),
        tuple(options.numbers(variances, "--variances")),
        tuple(options.numbers(eps, "--eps")),
        penalty,
        samples,
    )
    asked.check()
    rows = [row for seed in options.whole_numbers(seeds, "--seeds") for row in compare(asked, seed=seed)]
    words = ["gaussians", "--mean", mean, "--variances", variances, "--eps", eps, "--samples", str(samples)]
    words += [*(["--penalty", str(penalty)] if penalty else []), "--seeds", seeds]
    _write("gaussians", out, rows, gaussians_page(asked, rows, _command(words)))
    typer.echo(as_text(agreement(rows)))
    _end("gaussians", out, began, gaussians_verdicts(rows))


@app.command("squares", short_help="A linear model against a deep network.")
def squares(
    arms: Annotated[str, typer.Option(help="all, or some with commas; linear and deep are always there.")] = "all",
    paper: Annotated[
        bool, typer.Option("--paper", help="The published size: 32x32x3, ResNet-18, 10,000 images.")
    ] = False,
    train: Annotated[int | None, typer.Option(min=1, help="How many training squares.")] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="At most; training ends when the labels are fitted.")
    ] = None,
    seeds: Seeds = "0",
    out: Out = None,
    device: options.Device = "auto",
) -> None:
    """Adversarial squares: where a linear model is robust, and what makes a deep network brittle.

    Exit status 1 where they are not.
    """
    began = time.perf_counter()
    from dataclasses import replace

    from featsplit.report.answers import squares_verdicts
    from featsplit.report.tables import as_text
    from featsplit.report.toys import arms_in_words, arms_table, squares_page
    from featsplit.runtime import resolve_device
    from featsplit.toys.squares import ARMS, PAPER, Squares, learn

    asked = PAPER if paper else Squares()
    asked = replace(asked, train=train or asked.train, epochs=epochs or asked.epochs)
    asked.check()
    chosen = list(ARMS) if arms == "all" else ["linear", "deep", *options.words(arms)]
    for name in chosen:
        if name not in ARMS:
            raise unknown("--arms", name, ARMS)
    where, rows = resolve_device(device), list[dict[str, Any]]()
    for seed in options.whole_numbers(seeds, "--seeds"):
        for name in dict.fromkeys(chosen):
            started = time.perf_counter()
            found = learn(name, asked, seed=seed, device=where)
            last = found[-1]
            options.say(f"seed {seed}  {name:<22}{time.perf_counter() - started:6.1f} s  {last['epoch']} epochs")
            rows += found
    words = ["squares", "--arms", arms, *(["--paper"] if paper else [])]
    words += ["--train", str(asked.train), "--epochs", str(asked.epochs), "--seeds", seeds]
    _write("squares", out, rows, squares_page(asked, rows, _command(words)))
    typer.echo(as_text(arms_table(rows)))
    typer.echo(arms_in_words(rows))
    _end("squares", out, began, squares_verdicts(rows))


@app.command("planted", short_help="Data whose split has a right answer.")
def planted(
    amplitudes: Annotated[
        str, typer.Option(help="Of the non-robust component, with commas.")
    ] = "0.015,0.03,0.06,0.1,0.15",
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting of the preset planted.")
    ] = None,
    seeds: Seeds = "0",
    out: Out = None,
    device: options.Device = "auto",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes side by side.")] = None,
) -> None:
    """A robust and a non-robust component planted in images: which set keeps which, as the non-robust one grows.

    Exit status 1 where a set does not keep what it is known to.
    """
    began = time.perf_counter()
    from featsplit.experiment.planted import planted_with, sweep
    from featsplit.experiment.run import usual_workers
    from featsplit.experiment.settings import read_experiment
    from featsplit.experiment.workers import start_workers
    from featsplit.report.answers import known_sets, planted_verdicts
    from featsplit.report.tables import as_text
    from featsplit.report.toys import planted_page, survival_table
    from featsplit.runtime import resolve_device

    experiment = read_experiment("planted", set_ or [])
    adversary = experiment.train.adversarial.adversary
    assert adversary is not None
    where, folder = resolve_device(device), _folder("planted", out)
    sizes, numbers = options.numbers(amplitudes, "--amplitudes"), options.whole_numbers(seeds, "--seeds")
    source, perturb = experiment.data.source, experiment.perturb
    known = {size: known_sets(planted_with(source, size), adversary, perturb) for size in sizes}
    with start_workers(workers or usual_workers(experiment, where)) as started:
        rows = sweep(experiment, sizes, seeds=numbers, out=folder, device=where, say=options.say, workers=started)
    words = ["planted", "--amplitudes", amplitudes, *(w for s in set_ or [] for w in ("--set", s)), "--seeds", seeds]
    _write("planted", out, rows, planted_page(rows, adversary, known, _command(words)))
    typer.echo(as_text(survival_table(rows)))
    _end("planted", out, began, planted_verdicts(rows, known))


def _command(words: list[str]) -> str:
    return shlex.join(["featsplit", "toy", *words])


def _folder(name: str, out: Path | None) -> Path:
    return out or Path("datasets_out") / f"toy-{name}"


def _write(name: str, out: Path | None, rows: list[dict[str, Any]], blocks: "list[Block]") -> None:
    from featsplit.files import write_json
    from featsplit.report.markup import write_page

    folder = _folder(name, out)
    write_json(folder / "rows.json", rows)
    write_page(blocks, folder)


def _end(name: str, out: Path | None, began: float, verdicts: "list[Verdict]") -> None:
    """The verdict, the time and the page; exit status 1 where what came out is not what is known."""
    from featsplit.report.answers import concluded, is_off

    typer.echo(concluded(verdicts))
    typer.echo(f"{time.perf_counter() - began:.0f} s; page: {_folder(name, out) / 'report.html'}")
    if is_off(verdicts):
        raise typer.Exit(1)
