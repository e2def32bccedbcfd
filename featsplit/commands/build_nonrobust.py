"""featsplit build-nonrobust: D_rand and D_det by relabel-and-perturb, D_NR by matching; bugs and wrong labels."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from featsplit.commands import matching, options, right_model
from featsplit.errors import FeatsplitError, unknown

if TYPE_CHECKING:
    from featsplit.data.images import ImageData
    from featsplit.models.classifier import Classifier

ENSEMBLE = 5
METHODS: dict[str, tuple[str, ...]] = {
    "perturb": ("targets", "norm", "eps", "steps", "step_size", "control", "exclude_own_label", "batch_size"),
    "bugs": ("targets", "norm", "eps", "steps", "step_size", "control", "exclude_own_label", "batch_size", "ensemble"),
    "match": ("rule", "start", "tolerance", "steps", "step_size", "batch_size"),
    "mislabelled": (),
}
"""The options that belong to each method."""


def build_nonrobust(
    context: typer.Context,
    model: options.ModelFile,
    data: options.Data,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The data set to write (.h5).")],
    method: Annotated[
        str, typer.Option(help="perturb (D_rand, D_det), match (D_NR), bugs (D_det that does not leak), mislabelled.")
    ] = "perturb",
    targets: Annotated[
        str | None, typer.Option(help="random (D_rand) or next (D_det). [default: random; bugs: next]")
    ] = None,
    ensemble: Annotated[
        int | None,
        typer.Option(
            min=1, help="Of bugs: how many other networks, trained here as MODEL was, stay as they were. [default: 5]"
        ),
    ] = None,
    exclude_own_label: Annotated[
        bool, typer.Option("--exclude-own-label", help="Never draw an image's own label as its random target.")
    ] = False,
    norm: Annotated[str | None, typer.Option(help="l2 or linf. [default: l2]")] = None,
    eps: Annotated[float | None, typer.Option(help="On the [0, 1] pixel scale. [default: 0.5]")] = None,
    steps: Annotated[int | None, typer.Option(help="[default: 100 to perturb; see build-robust to match]")] = None,
    step_size: Annotated[float | None, typer.Option(help="[default: 0.1 to perturb]")] = None,
    control: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A robust model: store how it reads each image, before and after."),
    ] = None,
    rule: matching.RuleName = None,
    start: matching.Start = None,
    tolerance: matching.Tolerance = None,
    split: options.SplitName = "train",
    dtype: options.DtypeName = "float32",
    seed: options.Seed = 0,
    resize: options.Resize = None,
    resize_mode: options.ResizeMode = None,
    limit: options.Limit = None,
    limit_test: options.LimitTest = None,
    classes: options.Classes = None,
    holdout: options.Holdout = 0.0,
    data_seed: options.DataSeed = 0,
    source: options.Source = None,
    data_root: options.DataRoot = None,
    download: options.Download = False,
    batch_size: options.BatchSize = None,
    device: options.Device = "auto",
    precision: options.PrecisionName = "auto",
    factory: options.Factory = None,
    other_classes: options.OtherClasses = False,
    trained_with: right_model.TrainedWith = None,
    any_model: right_model.AnyModel = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Build a non-robust data set with a standard MODEL: images whose labels only its non-robust features explain.

    The defaults are the paper's. A build that was killed goes on. `bugs` are perturbations that fool MODEL and leave an
    ensemble of others as they were (Nakkiran 2019); `mislabelled` keeps the images that MODEL misreads, labelled as it
    reads them (Wallace 2019).
    """
    if method not in METHODS:
        raise unknown("--method", method, METHODS)
    given = context.params
    for name in dict.fromkeys(name for names in METHODS.values() for name in names):
        if given[name] and name not in METHODS[method]:
            owners = " or ".join(other for other, names in METHODS.items() if name in names)
            raise FeatsplitError(f"--{name.replace('_', '-')} {given[name]}: belongs to --method {owners}")
    if method == "match":
        matching.build_and_tell("nonrobust", matching.matching(given), given)
    elif method == "mislabelled":
        _mislabelled(given)
    else:
        _perturb(given)


def _perturb(given: Mapping[str, Any]) -> None:
    from featsplit.runtime import resolve_device
    from featsplit.synthesis import Perturb, build_perturb

    bugs = given["method"] == "bugs"
    fields = ("targets", "norm", "eps", "steps", "step_size", "exclude_own_label")
    chosen = Perturb(**({"targets": "next"} if bugs else {}) | {n: given[n] for n in fields if given[n] is not None})
    chosen.check()
    options.check_suffix(Path(given["out"]), ".h5")
    name = ("rand" if chosen.targets == "random" else "det") + ("-bugs" if bugs else "")
    made_by = right_model.made_by(name, given)
    data = options.load_data(given)
    checks = {"factory": given["factory"], "other_classes": given["other_classes"]}
    summary = build_perturb(
        Path(given["out"]),
        options.load_model(Path(given["model"]), data, **checks),
        data,
        chosen,
        control=options.load_model(Path(given["control"]), data, **checks) if given["control"] else None,
        ensemble=_ensemble(given, data) if bugs else (),
        split=options.one_split(given["split"]),
        seed=given["seed"],
        dtype=given["dtype"],
        batch_size=given["batch_size"],
        device=resolve_device(given["device"]),
        precision=given["precision"],
        extra={"set": name},
        made_by=made_by,
        overwrite=given["overwrite"],
    )
    typer.echo(f"{given['out']}: {name} from {data.name} ({given['split']})")
    typer.echo(
        f"the model reads the new label on {summary['success']:.4f} in float, "
        f"{summary['success_stored']:.4f} as stored ({given['dtype']})"
    )
    typer.echo(f"the new label is the image's own on {summary['own_label']:.4f}")
    if "control_after" in summary:
        before, after = summary["control_before"], summary["control_after"]
        typer.echo(f"the control reads the new label on {before:.4f} before, {after:.4f} after")


def _ensemble(given: Mapping[str, Any], data: "ImageData") -> "list[Classifier]":
    """Fresh networks trained as the model was, beside the set that is written: there already on a second call."""
    from featsplit.experiment.convert import record
    from featsplit.experiment.stages import train_to_file
    from featsplit.models.checkpoints import load_model, model_spec, read_metadata
    from featsplit.runtime import resolve_device
    from featsplit.training import Recipe

    path, out = Path(given["model"]), Path(given["out"])
    metadata = read_metadata(path)
    if metadata.recipe is None or metadata.seed is None:
        raise FeatsplitError(f"{path}: does not tell how it was trained, so no ensemble can be; use one made by train")
    recipe, found = record(Recipe, metadata.recipe, "recipe"), []
    for number in range(1, (given["ensemble"] or ENSEMBLE) + 1):
        other = out.with_name(f"{out.stem}.ensemble") / f"{number}.safetensors"
        train_to_file(
            other,
            data,
            model_spec(metadata),
            recipe,
            seed=metadata.seed + 1_000_003 * number,
            device=resolve_device(given["device"]),
            precision=given["precision"],
            overwrite=given["overwrite"],
        )
        found.append(load_model(other, factory=given["factory"]))
        options.say(f"ensemble {number}: {other}")
    return found


def _mislabelled(given: Mapping[str, Any]) -> None:
    from featsplit.runtime import resolve_device
    from featsplit.synthesis import build_mislabelled

    options.check_suffix(Path(given["out"]), ".h5")
    made_by = right_model.made_by("mislabelled", given)
    data = options.load_data(given)
    checks = {"factory": given["factory"], "other_classes": given["other_classes"]}
    summary = build_mislabelled(
        Path(given["out"]),
        options.load_model(Path(given["model"]), data, **checks),
        data,
        split=options.one_split(given["split"]),
        dtype=given["dtype"],
        device=resolve_device(given["device"]),
        extra={"set": "mislabelled"},
        made_by=made_by,
        overwrite=given["overwrite"],
    )
    typer.echo(f"{given['out']}: mislabelled from {data.name} ({given['split']})")
    typer.echo(f"the model misreads {summary['share']:.4f} of the images; these are kept, labelled as it reads them")
