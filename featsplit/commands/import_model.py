"""featsplit import-model: a network that was trained elsewhere as a checkpoint of ours."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featsplit.commands import options, shared, single
from featsplit.commands.fields import Only
from featsplit.commands.right_model import EXAMPLE, parse_training
from featsplit.commands.texts import numbers
from featsplit.errors import FeatsplitError, warn
from featsplit.files import check_writable
from featsplit.metadata.plain import Json
from featsplit.metadata.training import STANDARD, Training
from featsplit.records.data import DataSpec

if TYPE_CHECKING:
    from torch import Tensor

    from featsplit.data.images import ImageData
    from featsplit.models.classifier import Classifier
    from featsplit.models.importing import Foreign

NO_DATA, USUAL = DataSpec(""), shared.Opening()
AUTHORS, ROBUSTBENCH = "madrylab:", "robustbench:"
THREATS: Mapping[str, tuple[str, Mapping[str, float]]] = {
    "Linf": ("linf", {"cifar10": 8 / 255, "cifar100": 8 / 255, "imagenet": 4 / 255}),
    "L2": ("l2", {"cifar10": 0.5}),
}
"""The threat models of RobustBench, by the folders that it keeps their networks in: their norm, and eps by data."""


Name = Annotated[
    str,
    typer.Argument(
        metavar="SPEC",
        help="timm:NAME, torchvision:NAME, robustbench:DATA/THREAT/NAME.pt, module:function, FILE.py:function, or "
        "madrylab:FILE.pt.",
    ),
]
Weights = Annotated[
    Path | None,
    {
        "help": "Its weights: .safetensors, or .pt, .pth of torch.save; nothing in them is run.",
        "unit": "FILE",
        "default": "of a library: those that it publishes",
        "group": "Model",
    },
]
_MOMENT = {"unit": "NUMBERS", "default": "its library's", "group": "Model"}
Mean = Annotated[str | None, {"help": "Of pixels in [0, 1], by channel: its normalisation.", **_MOMENT}]
Std = Annotated[str | None, {"help": "The same.", **_MOMENT}]
TrainedWith = Annotated[
    str | None,
    {
        "help": f"How it was trained: standard, or an attack, a norm and an eps, such as {EXAMPLE}.",
        "unit": "TEXT",
        "default": "not told",
        "group": "Model",
    },
]
ClassesFrom = Annotated[
    str | None,
    {"help": "In the place of --data: its classes and sizes, and nothing is measured.", "unit": "SRC", "group": "Data"},
]
Out = Annotated[Path, {"help": "The checkpoint to write (.safetensors).", "unit": "FILE", "group": "Output"}]


def import_model(
    *,
    name: Name,
    weights: Weights = None,
    mean: Mean = None,
    std: Std = None,
    trained_with: TrainedWith = None,
    cutting: shared.Cutting = shared.Cutting(),
    data: DataSpec = NO_DATA,
    classes_from: ClassesFrom = None,
    opening: Annotated[shared.Opening, Only(("data_root", "download"))] = USUAL,
    device: single.Device = "auto",
    out: Out,
    overwrite: single.Overwrite = False,
) -> None:
    """Bring in a network that was trained elsewhere; its clean accuracy is measured on --data.

    With --layer it is an encoder, which needs no head: "output" is all that it returns. A library's network is made by
    the library, for the sizes and classes of the data; one of your own by your code, which every command that uses the
    checkpoint must be told to run: --factory.
    """
    from featsplit.models.importing import Foreign

    options.check_suffix(out, ".safetensors")
    check_writable(out, overwrite=overwrite)
    if data.source and classes_from:
        raise FeatsplitError("--classes-from: takes the place of --data; give one of them")
    training = Training() if trained_with is None else parse_training(trained_with)
    if name.startswith(AUTHORS):
        said = (weights, mean, std, data.source, classes_from, cutting.layer)
        flags = ("--weights", "--mean", "--std", "--data", "--classes-from", "--layer")
        _refuse_beside(dict(zip(flags, said, strict=True)))
        _import_authors(Path(name.removeprefix(AUTHORS)), out, training)
        return
    if name.startswith(ROBUSTBENCH):
        _refuse_beside({"--weights": weights}, ROBUSTBENCH)
        name, weights, training = _of_robustbench(Path(name.removeprefix(ROBUSTBENCH)), training)
    moments = {
        flag: None if text is None else numbers(text, f"--{flag}") for flag, text in (("mean", mean), ("std", std))
    }
    foreign = Foreign(name, weights, moments["mean"], moments["std"], cutting.layer, cutting.pool)
    if not data.source and not classes_from:
        raise FeatsplitError("--data: is missing; it says which images and classes the network is for (--classes-from)")
    images = opening.load(replace(data, source=classes_from or data.source))
    _take(foreign, training, images, None if classes_from else device, out)


def _take(foreign: "Foreign", training: Training, images: "ImageData", device: str | None, out: Path) -> None:
    """Write the network for `images` to `out`; its accuracy is measured on a `device`, or not (None)."""
    from featsplit.models.checkpoints import save_model, versions
    from featsplit.models.classifier import size
    from featsplit.runtime import resolve_device

    name, model = foreign.arch, foreign.load(shape=images.shape, classes=len(images.classes))
    extra: dict[str, Json] = {"recipe": foreign.recipe(training), "versions": versions()}
    gives = f"in {model.classes} classes" if model.classes else f"to {model.head.in_features} features, without a head"
    lines = [f"{out}: {name}, {training}, for {size(images.shape)} images {gives}"]
    lines.append(f"normalised by mean {_shown(model.mean)}, std {_shown(model.std)}")
    if model.classes:
        extra["class_names"] = list(images.classes)
    if model.classes and device is not None:
        measured = _measured(model.to(resolve_device(device)), images, name)
        extra["results"] = {"test_accuracy": measured}
        lines.append(f"clean accuracy {measured:.4f} on the {len(images.test)} test images of {images.name}")
    save_model(model.cpu(), out, spec=foreign.spec_for(len(images.classes)), extra=extra)
    typer.echo("\n".join(lines))


def _measured(model: "Classifier", images: "ImageData", name: str) -> float:
    """The accuracy on the test images, which a line is said of where it is that of chance."""
    from featsplit.data.chance import chance_of
    from featsplit.runtime import accuracy

    found, chance = accuracy(model, images.test), chance_of(images.test.labels)
    if chance.explains(found):
        warn(
            f"{name}: its accuracy on {images.name} is {found:.3f}, that of always saying the most frequent class "
            f"{chance.share:.3f}: are the weights of these classes in this order, "
            "and of this normalisation (--mean, --std)?"
        )
    return found


def _refuse_beside(said: Mapping[str, object], form: str = AUTHORS) -> None:
    """Raise FeatsplitError where an option is said that files of this `form` leave no room for."""
    if beside := [flag for flag, value in said.items() if value]:
        raise FeatsplitError(f"{beside[0]}: is not for {form}FILE, which says it itself; leave it out")


def _of_robustbench(path: Path, training: Training) -> tuple[str, Path, Training]:
    """The architecture, the weights and the training of a file of RobustBench, DATA/THREAT/NAME.pt, as it lays them.

    The training is that of its threat model, unless the user tells another.
    """
    data, threat, name = path.parts[-3:] if len(path.parts) > 2 else ("", "", "")
    if not name or threat not in ("Linf", "L2", "corruptions", "corruptions_3d"):
        raise FeatsplitError(
            f"{ROBUSTBENCH}{path}: must end in DATA/THREAT/NAME.pt, as RobustBench lays its files: cifar10/Linf/NAME.pt"
        )
    if training.kind == "not told" and threat in THREATS:
        norm, by_data = THREATS[threat]
        training = STANDARD if path.stem == "Standard" else Training("adversarial", None, norm, by_data.get(data))
    return f"{ROBUSTBENCH}{data}/{threat}/{path.stem}", path, training


def _shown(moments: "Tensor") -> str:
    return ", ".join(f"{value:.3g}" for value in moments.tolist())


def _import_authors(path: Path, out: Path, training: Training) -> None:
    from featsplit.models import madrylab

    madrylab.import_madrylab(path, out, training)
    typer.echo(f"{out}: resnet50 of 3 x 32 x 32 images and 10 classes, from {path}")
