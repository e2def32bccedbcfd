"""The options that several commands share, and what they stand for."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from featsplit.errors import FeatsplitError

if TYPE_CHECKING:
    from featsplit.data.images import ImageData
    from featsplit.models.classifier import Classifier

SOURCES = (
    "digits, mnist, fashion-mnist, kmnist, cifar10, cifar100, svhn, planted, folder:PATH, npz:PATH, "
    "restricted-imagenet:PATH, or a derived FILE.h5"
)

Data = Annotated[str, typer.Option("--data", metavar="SRC", help=f"The data set: {SOURCES}.")]
Resize = Annotated[
    int | None,
    typer.Option(
        help="Resize every image to this side, in pixels; squeezes an image that is not square, see --resize-mode."
    ),
]
ResizeMode = Annotated[
    str | None,
    typer.Option(
        metavar="MODE",
        help="How --resize makes an image square: squeeze it, or crop the middle of it. [default: squeeze]",
    ),
]
Limit = Annotated[int | None, typer.Option(help="Keep this many training images, stratified.")]
LimitTest = Annotated[int | None, typer.Option(help="Keep this many test images, stratified.")]
Classes = Annotated[str | None, typer.Option(help="Keep these classes: names with commas between them.")]
Holdout = Annotated[float, typer.Option(help="Validate on this part of the training images, not on the test images.")]
Source = Annotated[
    str | None,
    typer.Option(
        "--source", metavar="SRC", help="Where the source of a derived set lies now; must be the same images."
    ),
]
DataSeed = Annotated[int, typer.Option(help="Decides which images --limit and --holdout take.")]
DataRoot = Annotated[Path | None, typer.Option(help="Where torchvision's data sets lie. [default: $FEATSPLIT_DATA]")]
Download = Annotated[bool, typer.Option("--download", help="Download a data set that is not there.")]
ModelFile = Annotated[Path, typer.Option("--model", metavar="FILE", help="A checkpoint (.safetensors) made by train.")]
Factory = Annotated[str | None, typer.Option(help="Let a checkpoint made with your own module:function run it.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...; auto takes a GPU where there is one.")]
PrecisionName = Annotated[
    str, typer.Option("--precision", help="float32, bfloat16 where it suffices, or auto: as the machine is built for.")
]
Seed = Annotated[int, typer.Option(help="Decides everything random.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is at --out.")]
BatchSize = Annotated[
    int | None,
    typer.Option(min=1, help="Images at a time; the result does not depend on it. [default: by their size; GPU 512]"),
]
DtypeName = Annotated[str, typer.Option("--dtype", help="How images are stored: float32, float16 or uint8 (rounded).")]
SplitName = Annotated[str, typer.Option("--split", help="Which images to start from: train or test.")]
OtherClasses = Annotated[
    bool, typer.Option("--other-classes", help="Use a model on data whose classes have other names than its own.")
]


def load_data(given: Mapping[str, Any], *, test: bool | None = None) -> "ImageData":
    """The data set that the data options of a command describe; `given` are all its options by name.

    Without `test`, by default where it has --no-test, the test images of a derived set are left out.
    """
    from featsplit.data.sources import DataSpec
    from featsplit.data.sources import load_data as load

    kept = tuple(words(given["classes"])) if given["classes"] else None
    spec = DataSpec(
        given["data"],
        given["resize"],
        given["limit"],
        given["limit_test"],
        kept,
        given["holdout"],
        given["data_seed"],
        given["resize_mode"] or "squeeze",
    )
    root = Path(given["data_root"]) if given["data_root"] else None  # a text in older versions of typer
    test = not given.get("no_test") if test is None else test
    return load(spec, root=root, download=given["download"], elsewhere=given.get("source"), test=test)


def load_model(path: Path, data: "ImageData", *, factory: str | None, other_classes: bool) -> "Classifier":
    """The model at `path`, which must take the images of `data` and, unless `other_classes`, have the same classes."""
    from featsplit.models.checkpoints import load_model as load
    from featsplit.models.checkpoints import read_metadata

    metadata = read_metadata(path)
    model = load(path, factory=factory)
    model.expect(f"{path} on {data.name}", shape=data.shape, classes=len(data.classes))
    names = data.classes if metadata.class_names is None else metadata.class_names
    if names != data.classes and not other_classes:
        own, other = ", ".join(names[:3]), ", ".join(data.classes[:3])
        raise FeatsplitError(
            f'{path}: was trained on "{metadata.trained_on}" (classes {own} ...), not on the classes of '
            f'"{data.name}" ({other} ...); use a model of this data, or --other-classes'
        )
    return model


def numbers(text: str, place: str) -> list[float]:
    """The numbers in "0.25,0.5"."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise FeatsplitError(f'{place} "{text}": must be numbers with commas between them, such as 0.25,0.5') from error


def words(text: str) -> list[str]:
    """The words in "fgsm,pgd"."""
    return [word.strip() for word in text.split(",") if word.strip()]


def whole_numbers(text: str, place: str) -> list[int]:
    """The whole numbers in "0,1,2", each once."""
    try:
        return list(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError as error:
        raise FeatsplitError(
            f'{place} "{text}": must be whole numbers with commas between them, such as 0,1,2'
        ) from error


def parts(text: str | None) -> list[str]:
    """`--parts` as a setting; none where it is not given."""
    from featsplit.experiment.settings import PARTS

    if text is None:
        return []
    chosen = {"all": list(PARTS), "none": list[str]()}.get(text, words(text))
    return [f"parts={chosen}"]


def one_split(name: str, place: str = "--split") -> Any:
    """`name` where it is a split; FeatsplitError at the option `place` where it is none."""
    from featsplit.errors import unknown

    if name not in ("train", "test"):
        raise unknown(place, name, ("train", "test"))
    return name


def say_owner(name: str, split: str, *, cure: str = "") -> None:
    """Of a derived set, a line that says whose the images of its `split` are; with the `cure` where its source's."""
    from featsplit.data.places import is_derived
    from featsplit.metadata.sets import read_set_metadata

    if is_derived(name):
        spec, images = read_set_metadata(Path(name)).spec, "training" if split == "train" else split
        of = f"the {images} images of its source {spec.source_name}"
        whose = f"the set's own images, made of {of}" if spec.split == split else f"{of}{cure}"
        say(f"{name}: these are {whose}")


def check_suffix(path: Path, suffix: str) -> None:
    """Raise FeatsplitError unless the file that is to be written ends as the other commands expect it to."""
    if path.suffix != suffix:
        raise FeatsplitError(f"--out {path}: must end in {suffix}")


def say(line: str) -> None:
    """One line of progress, on standard error."""
    typer.echo(line, err=True)
