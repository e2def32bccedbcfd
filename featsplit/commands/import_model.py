"""featsplit import-model: a network that was trained elsewhere as a checkpoint of ours."""

import math
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
from featsplit.metadata.training import Training
from featsplit.records.data import DataSpec

if TYPE_CHECKING:
    from torch import Tensor

    from featsplit.data.images import ImageData
    from featsplit.models.classifier import Classifier

NO_DATA, USUAL = DataSpec(""), shared.Opening()
AUTHORS = "madrylab:"


Name = Annotated[
    str,
    typer.Argument(
        metavar="SPEC", help="timm:NAME, torchvision:NAME, module:function, FILE.py:function, or madrylab:FILE.pt."
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
    data: DataSpec = NO_DATA,
    classes_from: ClassesFrom = None,
    opening: Annotated[shared.Opening, Only(("data_root", "download"))] = USUAL,
    device: single.Device = "auto",
    out: Out,
    overwrite: single.Overwrite = False,
) -> None:
    """Bring in a network that was trained elsewhere; its clean accuracy is measured on --data.

    A library's network is made by the library, for the sizes and classes of the data; one of your own by your code,
    which every command that uses the checkpoint must be told to run: --factory.
    """
    from featsplit.models.checkpoints import save_model, versions
    from featsplit.models.classifier import size
    from featsplit.models.importing import Foreign
    from featsplit.runtime import resolve_device

    options.check_suffix(out, ".safetensors")
    check_writable(out, overwrite=overwrite)
    if data.source and classes_from:
        raise FeatsplitError("--classes-from: takes the place of --data; give one of them")
    training = Training() if trained_with is None else parse_training(trained_with)
    if name.startswith(AUTHORS):
        said = (weights, mean, std, data.source, classes_from)
        _refuse_beside(dict(zip(("--weights", "--mean", "--std", "--data", "--classes-from"), said, strict=True)))
        _import_authors(Path(name.removeprefix(AUTHORS)), out, training)
        return
    moments = {
        flag: None if text is None else numbers(text, f"--{flag}") for flag, text in (("mean", mean), ("std", std))
    }
    foreign = Foreign(name, weights, moments["mean"], moments["std"])
    if not data.source and not classes_from:
        raise FeatsplitError("--data: is missing; it says which images and classes the network is for (--classes-from)")
    images = opening.load(replace(data, source=classes_from or data.source))
    model = foreign.load(shape=images.shape, classes=len(images.classes))
    measured = None if classes_from else _measured(model.to(resolve_device(device)), images, name)
    extra = {"class_names": list(images.classes), "recipe": foreign.recipe(training), "versions": versions()}
    if measured is not None:
        extra |= {"results": {"test_accuracy": measured}}
    save_model(model.cpu(), out, spec=foreign.spec, extra=extra)
    typer.echo(f"{out}: {name}, {training}, for {size(images.shape)} images in {len(images.classes)} classes")
    typer.echo(f"normalised by mean {_shown(model.mean)}, std {_shown(model.std)}")
    if measured is not None:
        typer.echo(f"clean accuracy {measured:.4f} on the {len(images.test)} test images of {images.name}")


def _measured(model: "Classifier", images: "ImageData", name: str) -> float:
    """The accuracy on the test images, which a line is said of where it is that of chance."""
    from featsplit.runtime import accuracy

    found, chance = accuracy(model, images.test), 1 / len(images.classes)
    if found < chance + 2 * math.sqrt(chance * (1 - chance) / len(images.test)):
        warn(
            f"{name}: its accuracy on {images.name} is {found:.3f}, and that of guessing {chance:.3f}: are the weights "
            "of these classes in this order, and of this normalisation (--mean, --std)?"
        )
    return found


def _refuse_beside(said: Mapping[str, object]) -> None:
    """Raise FeatsplitError where an option is said that the authors' own files leave no room for."""
    if beside := [flag for flag, value in said.items() if value]:
        raise FeatsplitError(f"{beside[0]}: is not for {AUTHORS}FILE, which says it itself; leave it out")


def _shown(moments: "Tensor") -> str:
    return ", ".join(f"{value:.3g}" for value in moments.tolist())


def _import_authors(path: Path, out: Path, training: Training) -> None:
    from featsplit.models import madrylab

    madrylab.import_madrylab(path, out, training)
    typer.echo(f"{out}: resnet50 of 3 x 32 x 32 images and 10 classes, from {path}")
