"""The options that several commands share, and what they stand for."""

from importlib.resources import files
from pathlib import Path

from featsplit.commands.terminal import say as say
from featsplit.commands.texts import numbers as numbers
from featsplit.commands.texts import whole_numbers as whole_numbers
from featsplit.commands.texts import words as words
from featsplit.errors import FeatsplitError


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
