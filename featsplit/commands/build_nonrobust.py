"""featsplit build-nonrobust: D_rand and D_det by relabel-and-perturb, D_NR by representation matching."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from featsplit.commands import matching, options
from featsplit.errors import FeatsplitError, unknown

ONLY_MATCH = ("rule", "start", "tolerance")
ONLY_PERTURB = ("targets", "norm", "eps", "control", "exclude_own_label")


def build_nonrobust(
    context: typer.Context,
    model: options.ModelFile,
    data: options.Data,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The data set to write (.h5).")],
    method: Annotated[str, typer.Option(help="perturb (D_rand, D_det) or match (D_NR).")] = "perturb",
    targets: Annotated[str | None, typer.Option(help="random (D_rand) or next (D_det). [default: random]")] = None,
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
    limit: options.Limit = None,
    limit_test: options.LimitTest = None,
    classes: options.Classes = None,
    holdout: options.Holdout = 0.0,
    data_seed: options.DataSeed = 0,
    data_root: options.DataRoot = None,
    download: options.Download = False,
    batch_size: options.BatchSize = None,
    device: options.Device = "auto",
    precision: options.PrecisionName = "auto",
    factory: options.Factory = None,
    other_classes: options.OtherClasses = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Build a non-robust data set with a standard MODEL: images whose labels only its non-robust features explain.

    The defaults are the paper's. A build that was killed goes on.
    """
    if method not in ("perturb", "match"):
        raise unknown("--method", method, ("perturb", "match"))
    given = context.params
    for name in ONLY_MATCH if method == "perturb" else ONLY_PERTURB:
        if given[name]:
            other = "match" if method == "perturb" else "perturb"
            raise FeatsplitError(f"--{name.replace('_', '-')} {given[name]}: belongs to --method {other}")
    if method == "match":
        matching.build_and_tell("nonrobust", matching.matching(given), given)
    else:
        _perturb(given)


def _perturb(given: Mapping[str, Any]) -> None:
    from featsplit.runtime import resolve_device
    from featsplit.synthesis import Perturb, build_perturb

    fields = ("targets", "norm", "eps", "steps", "step_size", "exclude_own_label")
    chosen = Perturb(**{name: given[name] for name in fields if given[name] is not None})
    chosen.check()
    options.check_suffix(Path(given["out"]), ".h5")
    data = options.load_data(given)
    checks = {"factory": given["factory"], "other_classes": given["other_classes"]}
    name = "rand" if chosen.targets == "random" else "det"
    summary = build_perturb(
        Path(given["out"]),
        options.load_model(Path(given["model"]), data, **checks),
        data,
        chosen,
        control=options.load_model(Path(given["control"]), data, **checks) if given["control"] else None,
        split=options.one_split(given["split"]),
        seed=given["seed"],
        dtype=given["dtype"],
        batch_size=given["batch_size"],
        device=resolve_device(given["device"]),
        precision=given["precision"],
        story={"set": name},
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
