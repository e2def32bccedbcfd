"""featsplit transfer: what each derived set is worth to each architecture."""

from pathlib import Path
from typing import Annotated

import typer

from featsplit.commands import options


def transfer(
    sets: Annotated[list[str], typer.Argument(metavar="SET...", help="Derived sets (.h5), or any data set.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where models and rows.json go.")],
    arch: Annotated[str, typer.Option(help="Architectures, with commas: resnet8, cnn, mlp ...")] = "resnet8",
    epochs: int = 30,
    batch_size: int = 128,
    lr: float = 0.05,
    schedule: Annotated[str, typer.Option(help="one-cycle, step or constant.")] = "one-cycle",
    augment: Annotated[str, typer.Option(help="crop, reflect-crop, flip, shift, color-jitter, rotation.")] = "",
    norm: Annotated[str, typer.Option(help="Of the PGD attack on the test sets: l2 or linf.")] = "l2",
    eps: Annotated[str, typer.Option(help="Of the PGD attack; with commas for several.")] = "0.25",
    steps: int = 20,
    restarts: int = 1,
    seeds: Annotated[str, typer.Option(help="One training for each, such as 0,1,2.")] = "0",
    source: options.Source = None,
    data_root: options.DataRoot = None,
    download: options.Download = False,
    device: options.Device = "auto",
    precision: options.PrecisionName = "auto",
) -> None:
    """Train each architecture on each SET, and test it on the original test set, clean and under attack.

    A SET made of the test split (build-robust --split test) is not trained on: every network is tested on it too.
    """
    from featsplit.evaluation import Attack
    from featsplit.experiment.transfer import transfer_rows
    from featsplit.files import write_json
    from featsplit.models.build import ModelSpec
    from featsplit.report.plots import heat_map
    from featsplit.report.tables import as_text, transfer_matrix, transfer_table
    from featsplit.runtime import check_precision, resolve_device
    from featsplit.training import Recipe

    recipe = Recipe(
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        nesterov=True,
        schedule=schedule,  # type: ignore[arg-type]  # checked by Recipe.check
        augment=tuple(options.words(augment)),
    )
    recipe.check()
    check_precision("--precision", precision)
    attacks = [Attack(), *(Attack("pgd", norm, e, steps, None, restarts) for e in options.numbers(eps, "--eps"))]  # type: ignore[arg-type]
    for attack in attacks:
        attack.check()
    specs = [ModelSpec(name) for name in options.words(arch)]
    for spec in specs:
        spec.check()
    rows = transfer_rows(
        sets,
        specs,
        recipe,
        attacks,
        seeds=options.whole_numbers(seeds, "--seeds"),
        out=out,
        root=data_root,
        download=download,
        elsewhere=source,
        device=resolve_device(device),
        precision=precision,  # type: ignore[arg-type]  # checked above
        say=options.say,
    )
    for name in sets:
        options.say_owner(name, "test")
    write_json(out / "rows.json", rows)
    (out / "matrix.svg").write_text(heat_map(*transfer_matrix(rows)).replace("currentColor", "#222222"))
    typer.echo(as_text(transfer_table(rows)))
    typer.echo(f"rows: {out / 'rows.json'}; heat map: {out / 'matrix.svg'}")
