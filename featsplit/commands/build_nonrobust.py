"""featsplit build-nonrobust: D_rand and D_det by relabel-and-perturb, D_NR by matching; bugs and wrong labels."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from featsplit.commands import building, options, shared, single
from featsplit.commands.fields import Of
from featsplit.engine.settings import record
from featsplit.errors import FeatsplitError
from featsplit.records.data import DataSpec
from featsplit.records.synthesis import Match, Perturb
from featsplit.records.training import Recipe

if TYPE_CHECKING:
    from featsplit.models.classifier import Classifier
    from featsplit.studies.ilyas2019.networks import Network

Method = Literal["perturb", "match", "bugs", "mislabelled"]
How = Annotated[
    Method,
    {
        "help": "perturb makes D_rand or D_det, match D_NR, bugs a D_det that does not leak, mislabelled relabels.",
        "group": "Method",
    },
]
PERTURBS = Of("method", ("perturb", "bugs"))


def build_nonrobust(
    *,
    model: building.ModelFile,
    data: DataSpec,
    opening: shared.Opening = shared.Opening(),
    method: How = "perturb",
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
            "help": "How many other networks, trained here as MODEL was and by --seed, bugs leave as they were.",
            "min": 1,
            "group": "Perturb",
        },
        Of("method", ("bugs",)),
    ] = 5,
    match: Annotated[Match, Of("method", ("match",))] = Match(),
    cutting: Annotated[shared.Cutting, Of("method", ("match",))] = shared.Cutting(),
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
    build = replace(output.build(name, made_by), seed=seed, batch_size=batch_size, machine=machine.resolved())
    network = model.encoder(images, cutting) if method == "match" else model.load(images)
    work = building.Building(network, images, output.out, build)
    if method == "match":
        building.match_to_file(work, match)
    elif method == "mislabelled":
        _mislabelled(work)
    else:
        robust = None if control is None else model.use.load(control, images)
        _perturb(work, how, robust, _ensemble(work, model, ensemble) if method == "bugs" else [])


def _perturb(work: building.Building, how: Perturb, control: "Classifier | None", ensemble: "list[Classifier]") -> None:
    from featsplit.synthesis import build_perturb

    summary = build_perturb(
        work.out, work.network, work.images, how, control=control, ensemble=ensemble, build=work.build
    )
    before, after = summary.get("control_before"), summary.get("control_after")
    with_control = [f"the control predicts the new label on {before:.4f} before, {after:.4f} after"] if control else []
    work.say(
        f"the model predicts the new label on {summary['success']:.4f} in float, "
        f"{summary['success_stored']:.4f} as stored ({work.build.dtype})",
        f"the new label is the image's own on {summary['own_label']:.4f}",
        *with_control,
    )


def _mislabelled(work: building.Building) -> None:
    from featsplit.synthesis import build_mislabelled

    summary = build_mislabelled(work.out, work.network, work.images, build=work.build)
    wrong = f"the model predicts {summary['share']:.4f} of the images wrongly"
    work.say(f"{wrong}; these are kept, labelled as it predicts them")


def _ensemble(work: building.Building, model: building.ModelFile, size: int) -> "list[Classifier]":
    """Fresh networks trained as the model was, beside the set that is written: there already on a second call."""
    from featsplit.models.checkpoints import load_model
    from featsplit.studies.distill2019.ensemble import ensemble_of
    from featsplit.training import ensure_trained

    networks = ensemble_of(_standard(model), size)
    folder = work.out.with_name(f"{work.out.stem}.ensemble")
    files = [folder / f"{number}.safetensors" for number in range(1, size + 1)]
    for network, path in zip(networks, files, strict=True):
        ensure_trained(
            path,
            work.images,
            network.spec,
            network.recipe,
            seed=network.seed(work.build.seed),
            machine=work.build.machine,
            overwrite=work.build.overwrite,
        )
        options.say(f"ensemble {path.stem}: {path}")
    return [load_model(path, factory=model.use.factory) for path in files]


def _standard(model: building.ModelFile) -> "Network":
    """The model as a run has it; FeatsplitError where it does not tell how it was trained."""
    from featsplit.models.checkpoints import model_spec, read_metadata
    from featsplit.studies.ilyas2019.networks import Network

    metadata = read_metadata(model.file)
    if metadata.recipe is None or "imported from" in metadata.recipe:
        raise FeatsplitError(
            f"{model.file}: does not tell how it was trained, so no ensemble can be; use one made by train"
        )
    recipe = record(Recipe, metadata.recipe, "recipe")
    return Network("standard", "source", "standard", model_spec(metadata), recipe)
