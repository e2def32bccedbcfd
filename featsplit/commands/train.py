"""featsplit train: a classifier, standard or adversarial."""

from pathlib import Path
from typing import Annotated, Any

import typer

from featsplit.commands import options
from featsplit.errors import FeatsplitError, unknown


def train(
    context: typer.Context,
    data: options.Data,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The checkpoint to write (.safetensors).")],
    arch: Annotated[
        str,
        typer.Option(
            help="linear, mlp, cnn, vgg7, densenet10, resnet8, resnet14, resnet18, resnet50, vgg16, densenet, "
            "inception-v3, resnet18-imagenet, resnet50-imagenet, or module:function."
        ),
    ] = "resnet8",
    width: Annotated[
        int | None, typer.Option(help="Channels of the first stage (mlp, cnn, vgg7, resnet8, resnet14).")
    ] = None,
    stages: Annotated[int | None, typer.Option(help="Stages of resnet8 and resnet14.")] = None,
    epochs: int = 150,
    batch_size: int = 128,
    lr: float = 0.1,
    momentum: float = 0.9,
    nesterov: bool = False,
    weight_decay: float = 5e-4,
    schedule: Annotated[
        str, typer.Option(help="step (times --drop-factor every --drop-every epochs), one-cycle or constant.")
    ] = "step",
    drop_every: int = 50,
    drop_factor: float = 0.1,
    augment: Annotated[
        str, typer.Option(help="crop, reflect-crop, flip, shift, color-jitter, rotation: with commas, in order.")
    ] = "",
    adversary: Annotated[str, typer.Option(help="none, pgd or fgsm: who attacks during training.")] = "none",
    norm: Annotated[str | None, typer.Option(help="Of the adversary: l2 or linf. [default: l2]")] = None,
    eps: Annotated[
        float | None, typer.Option(help="Of the adversary, on the [0, 1] pixel scale. [default: 0.5]")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Of the adversary pgd. [default: 7]")] = None,
    step_size: Annotated[float | None, typer.Option(help="Of the adversary. [default: 2.5 eps / steps]")] = None,
    random_start: Annotated[bool, typer.Option("--random-start", help="The adversary starts in the ball.")] = False,
    alpha: Annotated[float | None, typer.Option(help="Weight of the clean loss. [default: 0.5 for fgsm]")] = None,
    seed: options.Seed = 0,
    resize: options.Resize = None,
    resize_mode: options.ResizeMode = None,
    limit: options.Limit = None,
    limit_test: options.LimitTest = None,
    classes: options.Classes = None,
    holdout: options.Holdout = 0.0,
    data_seed: options.DataSeed = 0,
    source: options.Source = None,
    no_test: Annotated[
        bool, typer.Option("--no-test", help="Of a derived set: leave its source, with the test images, unopened.")
    ] = False,
    data_root: options.DataRoot = None,
    download: options.Download = False,
    device: options.Device = "auto",
    precision: options.PrecisionName = "auto",
    overwrite: options.Overwrite = False,
) -> None:
    """Train a classifier and keep its last epoch; started again after a kill, it goes on at its last epoch.

    The defaults are the paper's: SGD, 150 epochs, the rate times 0.1 every 50.
    """
    from featsplit.experiment.stages import train_to_file
    from featsplit.models.build import ModelSpec
    from featsplit.runtime import check_precision, resolve_device
    from featsplit.training import Recipe

    given = {"norm": norm, "eps": eps, "steps": steps, "step_size": step_size, "alpha": alpha}
    recipe = Recipe(
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        momentum=momentum,
        nesterov=nesterov,
        weight_decay=weight_decay,
        schedule=schedule,  # type: ignore[arg-type]  # checked by Recipe.check
        drop_every=drop_every,
        drop_factor=drop_factor,
        augment=tuple(options.words(augment)),
        adversary=_adversary(adversary, given, random_start=random_start),
    )
    recipe.check()
    options.check_suffix(out, ".safetensors")
    spec = ModelSpec(arch, width, stages)
    spec.check()
    check_precision("--precision", precision)
    where = resolve_device(device)
    loaded = options.load_data(context.params)
    metadata = train_to_file(
        out,
        loaded,
        spec,
        recipe,
        seed=seed,
        device=where,
        precision=precision,  # type: ignore[arg-type]  # checked above
        overwrite=overwrite,
    )
    last = metadata.history[-1]
    typer.echo(f"{out}: {arch} on {loaded.name}, {epochs} epochs")
    tested = f", test {last['test_accuracy']:.4f}" if "test_accuracy" in last else "; not tested"
    typer.echo(f"loss {last['loss']:.4f}, train accuracy {last['train_accuracy']:.4f}{tested}")


def _adversary(name: str, given: dict[str, Any], *, random_start: bool) -> Any:
    from featsplit.training import Adversary

    chosen = {key: value for key, value in given.items() if value is not None}
    if name not in ("none", "pgd", "fgsm"):
        raise unknown("--adversary", name, ("none", "pgd", "fgsm"))
    if name == "none":
        if chosen or random_start:
            first = next(iter(chosen), "random_start").replace("_", "-")
            raise FeatsplitError(f"--{first}: belongs to an adversary; give --adversary pgd or fgsm")
        return None
    if name == "fgsm" and "steps" in chosen:
        raise FeatsplitError(f"--steps {chosen['steps']}: fgsm takes one step; use --adversary pgd")
    return Adversary(attack=name, random_start=random_start, **chosen)  # type: ignore[arg-type]
