"""featsplit evaluate: models x data sets x attacks."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from featsplit.commands import options, shared, single
from featsplit.data.places import elsewhere_of, is_derived, owner
from featsplit.errors import FeatsplitError
from featsplit.files import check_writable, replacing, write_json
from featsplit.records.data import SOURCES_IN_WORDS, DataSpec
from featsplit.records.minimum_norm import MinimumNorm
from featsplit.report.cells import as_text
from featsplit.report.distances import curves
from featsplit.report.listing import Listed, curves_of, listing

if TYPE_CHECKING:
    from featsplit.data.images import ImageData

Models = Annotated[
    list[Path],
    typer.Option("--model", metavar="FILE", help="A checkpoint; give as many as you like.", rich_help_panel="Model"),
]
Sources = Annotated[
    list[str],
    typer.Option(
        "--data",
        metavar="SRC",
        help=f"Its images (see --on); as many as you like: {SOURCES_IN_WORDS}.",
        rich_help_panel="Data",
    ),
]
Curve = Annotated[
    Path | None,
    {"help": "Draw accuracy at every eps, by the distances found (.svg).", "unit": "FILE", "group": "Output"},
]
On = Annotated[
    shared.SplitName,
    {"help": "A derived set's own images are those of the split that it is made of.", "group": "Data"},
]


def evaluate(
    *,
    models: Models,
    use: shared.ModelUse = shared.ModelUse(),
    sources: Sources,
    on: On = "test",
    data: Annotated[DataSpec, shared.ALL_BUT_THE_SOURCE] = DataSpec(""),
    opening: shared.Opening = shared.Opening(),
    attack: shared.Attacks = shared.Attacks(),
    seed: single.Seed = 0,
    machine: shared.MachineOptions = shared.MachineOptions(),
    batch_size: single.BatchSize = None,
    out: Annotated[Path | None, {"help": "Write the rows as JSON.", "unit": "FILE", "group": "Output"}] = None,
    curve: Curve = None,
    overwrite: single.Overwrite = False,
    as_json: single.Json = False,
) -> None:
    """Clean accuracy, and accuracy under each attack at each norm and eps, of every model on every data set.

    The test images of a derived set are those of its source, unless it was made of the test split.
    """
    from featsplit import evaluation

    if out:
        check_writable(out, overwrite=overwrite)
    if curve:
        _check_curve(curve, attack, overwrite=overwrite)
    resolved, rows = machine.resolved(), list[Listed]()
    split: shared.SplitName = "train" if data.holdout else on
    for name in sources:
        elsewhere = replace(opening, source=elsewhere_of(name, opening.source, sources))
        images = _images(replace(data, source=name), elsewhere, on=on)
        about = {"test_set": name, "split": on, "images_of": owner(name, split)}
        for path in models:
            measured = evaluation.evaluate(
                use.load(path, images),
                images.train if on == "train" else images.test,
                attack.each(),
                seed=seed,
                batch_size=batch_size,
                machine=resolved,
                title=path.stem,
            )
            of = _model_of(path)
            rows += [cast(Listed, {**of, **about, **row}) for row in measured]
        cure = f"; --on {'train' if on == 'test' else 'test'} reads the set's own images"
        options.say_owner(name, split, cure=cure)
    if out:
        write_json(out, rows)
    if curve:
        _draw(curve, rows)
    typer.echo(json.dumps({"rows": rows}) if as_json else as_text(listing(rows)))


def _model_of(path: Path) -> dict[str, str | None]:
    """The fields of a row that say which network it is of."""
    from featsplit.models.checkpoints import read_metadata

    metadata = read_metadata(path)
    return {"model": str(path), "train_set": metadata.trained_on, "architecture": metadata.arch}


def _check_curve(curve: Path, attack: shared.Attacks, *, overwrite: bool) -> None:
    check_writable(curve, overwrite=overwrite, flag="--curve")
    options.check_suffix(curve, ".svg", "--curve")
    if not any(isinstance(one, MinimumNorm) for one in attack.each()):
        raise FeatsplitError(f"--curve {curve}: needs an attack that finds distances, such as --attack closest:l2")


def _draw(curve: Path, rows: Sequence[Listed]) -> None:
    with replacing(curve) as partial:
        partial.write_text(curves(curves_of(rows))())
    norm, *others = dict.fromkeys(row["norm"] for row in rows if "distances" in row)
    if others:
        options.say(
            f"{curve}: distances in {norm} alone; those in {', '.join(map(str, others))} want a --curve of their own"
        )


def _images(spec: DataSpec, opening: shared.Opening, *, on: shared.SplitName) -> "ImageData":
    """The images of `spec`; of a derived set whose own images are asked for, its source is not opened."""
    split = "train" if spec.holdout else on
    alone = is_derived(spec.source) and split == "train" and owner(spec.source, split) == spec.source
    kept = spec if on == "test" else replace(spec, limit_test=None)
    return (replace(opening, source=None) if alone else opening).load(kept, test=not alone)
