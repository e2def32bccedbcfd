"""featsplit build-nonrobust: D_rand and D_det by relabel-and-perturb, D_NR by matching; bugs and wrong labels."""

from pathlib import Path
from typing import Annotated, Literal

from featsplit.commands import building, options, shared, single
from featsplit.commands.fields import Of
from featsplit.data.sources import DataSpec
from featsplit.engine.settings import record
from featsplit.errors import FeatsplitError
from featsplit.models.checkpoints import load_model, model_spec, read_metadata
from featsplit.models.classifier import Classifier
from featsplit.synthesis import Match, Perturb, build_mislabelled, build_perturb
from featsplit.training import Recipe, ensure_trained

Method = Literal["perturb", "match", "bugs", "mislabelled"]
PERTURBS = Of("method", ("perturb", "bugs"))
SEED_STEP = 1_000_003


def build_nonrobust(
    *,
    model: building.ModelFile,
    data: DataSpec,
    opening: shared.Opening = shared.Opening(),
    method: Annotated[
        Method,
        {
            "help": "perturb makes D_rand or D_det, match D_NR, bugs a D_det that does not leak, mislabelled relabels.",
            "group": "Method",
        },
    ] = "perturb",
    perturb: Annotated[Perturb, Of("method", ("perturb",))] = Perturb(),
    bugs: Annotated[Perturb, Of("method", ("bugs",))] = Perturb(targets="next"),
    control: Annotated[
        Path | None,
        {
            "help": "A robust model: store what it predicts for each image, before and after.",
            "unit": "FILE",
            "group": "Perturb",
        },
        PERTURBS,
    ] = None,
    ensemble: Annotated[
        int,
        {
            "help": "How many other networks, trained here as MODEL was, bugs leave as they were.",
            "min": 1,
            "group": "Perturb",
        },
        Of("method", ("bugs",)),
    ] = 5,
    match: Annotated[Match, Of("method", ("match",))] = Match(),
    seed: single.Seed = 0,
    machine: shared.MachineOptions = shared.MachineOptions(),
    batch_size: Annotated[single.BatchSize, Of("method", ("perturb", "bugs", "match"))] = None,
    output: building.Output,
) -> None:
    """Build a non-robust data set with a standard MODEL: images whose labels only its non-robust features explain.

    The defaults are the paper's. A build that was killed goes on. `bugs` are perturbations that fool MODEL and leave an
    ensemble of others as they were (Nakkiran 2019); `mislabelled` keeps the images that MODEL predicts wrongly,
    labelled as it predicts them (Wallace 2019).
    """
    how = bugs if method == "bugs" else perturb
    pushed = ("rand" if how.targets == "random" else "det") + ("-bugs" if method == "bugs" else "")
    name = {"match": "nonrobust", "mislabelled": "mislabelled"}.get(method, pushed)
    made_by = building.made_by(name, model, output.out, control)
    images = opening.load(data)
    build = building.Build(name, model.load(images), images, seed, batch_size, machine, output, made_by)
    if method == "match":
        building.match_to_file(build, match)
    elif method == "mislabelled":
        _mislabelled(build)
    else:
        robust = None if control is None else model.use.load(control, images)
        _perturb(build, how, robust, _ensemble(build, model, ensemble) if method == "bugs" else [])


def _perturb(build: building.Build, how: Perturb, control: Classifier | None, ensemble: list[Classifier]) -> None:
    output = build.output
    summary = build_perturb(
        output.out,
        build.network,
        build.images,
        how,
        control=control,
        ensemble=ensemble,
        split=output.split,
        seed=build.seed,
        dtype=output.dtype,
        batch_size=build.batch_size,
        device=build.machine.resolved(),
        precision=build.machine.precision,
        extra={"set": build.name},
        made_by=build.made_by,
        overwrite=output.overwrite,
    )
    before, after = summary.get("control_before"), summary.get("control_after")
    with_control = [f"the control predicts the new label on {before:.4f} before, {after:.4f} after"] if control else []
    build.say(
        f"the model predicts the new label on {summary['success']:.4f} in float, "
        f"{summary['success_stored']:.4f} as stored ({output.dtype})",
        f"the new label is the image's own on {summary['own_label']:.4f}",
        *with_control,
    )


def _mislabelled(build: building.Build) -> None:
    output = build.output
    summary = build_mislabelled(
        output.out,
        build.network,
        build.images,
        split=output.split,
        dtype=output.dtype,
        device=build.machine.resolved(),
        extra={"set": build.name},
        made_by=build.made_by,
        overwrite=output.overwrite,
    )
    wrong = f"the model predicts {summary['share']:.4f} of the images wrongly"
    build.say(f"{wrong}; these are kept, labelled as it predicts them")


def _ensemble(build: building.Build, model: building.ModelFile, size: int) -> list[Classifier]:
    """Fresh networks trained as the model was, beside the set that is written: there already on a second call."""
    metadata, out = read_metadata(model.file), build.output.out
    if metadata.recipe is None or metadata.seed is None:
        raise FeatsplitError(
            f"{model.file}: does not tell how it was trained, so no ensemble can be; use one made by train"
        )
    recipe, networks = record(Recipe, metadata.recipe, "recipe"), list[Classifier]()
    for number in range(1, size + 1):
        path = out.with_name(f"{out.stem}.ensemble") / f"{number}.safetensors"
        ensure_trained(
            path,
            build.images,
            model_spec(metadata),
            recipe,
            seed=metadata.seed + SEED_STEP * number,
            device=build.machine.resolved(),
            precision=build.machine.precision,
            overwrite=build.output.overwrite,
        )
        networks.append(load_model(path, factory=model.use.factory))
        options.say(f"ensemble {number}: {path}")
    return networks
