"""The options that several commands share, and what they stand for."""

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from featsplit.commands.texts import numbers as numbers
from featsplit.commands.texts import whole_numbers as whole_numbers
from featsplit.commands.texts import words as words
from featsplit.errors import FeatsplitError

if TYPE_CHECKING:
    from featsplit.data.images import ImageData
    from featsplit.models.classifier import Classifier


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
        trained_on = "was trained on " + ("other data" if metadata.trained_on is None else f'"{metadata.trained_on}"')
        raise FeatsplitError(
            f"{path}: {trained_on} (classes {own} ...), not on the classes of "
            f'"{data.name}" ({other} ...); use a model of this data, or --other-classes'
        )
    return model


def experiments(text: str | None, preset: str) -> list[str]:
    """`--experiments` as a setting of the run of `preset`; none where it is not given."""
    from featsplit.engine.study import read_toml
    from featsplit.studies import experiments_of

    if text is None:
        return []
    chosen = {"all": list(experiments_of(read_toml(preset))), "none": list[str]()}.get(text, words(text))
    return [f"experiments={chosen}"]


def presets() -> list[str]:
    """The names of the built-in presets."""
    return sorted(Path(entry.name).stem for entry in (files("featsplit") / "presets").iterdir())


def say_owner(name: str, split: str, *, cure: str = "") -> None:
    """Of a derived set, a line that says whose the images of its `split` are; with the `cure` where its source's."""
    from featsplit.data.places import is_derived
    from featsplit.metadata.sets import read_set_metadata

    if is_derived(name):
        spec, images = read_set_metadata(Path(name)).spec, "training" if split == "train" else split
        of = f"the {images} images of its source {spec.source_name}"
        whose = f"the set's own images, made of {of}" if spec.split == split else f"{of}{cure}"
        say(f"{name}: these are {whose}")


def check_suffix(path: Path, suffix: str, flag: str = "--out") -> None:
    """Raise FeatsplitError unless the file that is to be written ends as the other commands expect it to."""
    if path.suffix != suffix:
        raise FeatsplitError(f"{flag} {path}: must end in {suffix}")


def say(*lines: str) -> None:
    """Lines of progress, on standard error."""
    for line in lines:
        typer.echo(line, err=True)
