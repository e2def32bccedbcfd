"""What the two commands that build a set share: by which model, to which file, and representation matching."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from featsplit.commands import options, shared
from featsplit.commands.right_model import EXAMPLE, right_models
from featsplit.metadata.made_by import MadeBy
from featsplit.records.data import Dtype
from featsplit.records.synthesis import Match

if TYPE_CHECKING:
    from featsplit.data.images import ImageData
    from featsplit.models.classifier import Classifier
    from featsplit.synthesis import Build


@dataclass(frozen=True)
class ModelFile:
    """The model that a set is built with, and what its user says of it."""

    file: Path = field(
        metadata={"help": "A checkpoint (.safetensors) made by train.", "flag": "--model", "unit": "FILE"}
    )
    use: shared.ModelUse = field(default_factory=shared.ModelUse)
    trained_with: str | None = field(
        default=None,
        metadata={
            "help": f"How a MODEL that does not tell was trained: standard, or {EXAMPLE}.",
            "unit": "TEXT",
        },
    )
    any_model: bool = field(
        default=False,
        metadata={"help": "Build it with a model that was not trained as the set needs; the file says so."},
    )

    def load(self, images: "ImageData") -> "Classifier":
        """The model itself, which must take `images`."""
        return self.use.load(self.file, images)

    def encoder(self, images: "ImageData", cutting: shared.Cutting) -> "Classifier":
        """The model up to the layer that `cutting` names, for its representation alone."""
        return cutting.of(self.use.load(self.file, images, head=False), str(self.file))


@dataclass(frozen=True)
class Output:
    """The file of the set that is built, and what is in it."""

    out: Path = field(metadata={"help": "The data set to write (.h5).", "unit": "FILE"})
    split: shared.SplitName = field(default="train", metadata={"help": "Which images to start from."})
    dtype: Dtype = field(default="float32", metadata={"help": "How images are stored; uint8 rounds."})
    overwrite: bool = field(default=False, metadata={"help": "Replace what is at --out."})
    shard: int = field(default=1024, metadata={"help": "Images after which the work is kept, to go on from.", "min": 1})

    def check(self, place: str) -> None:
        """Raise FeatsplitError where the file would not be taken for a set."""
        options.check_suffix(self.out, ".h5")

    def build(self, name: str, made_by: MadeBy) -> "Build":
        """What is asked of a builder of the set `name`, which its networks are known to be `made_by`."""
        from featsplit.synthesis import Build

        return Build(
            self.split, dtype=self.dtype, name=name, made_by=made_by, overwrite=self.overwrite, shard=self.shard
        )


@dataclass(frozen=True)
class Building:
    """A set that is to be built: by which network, of which images, into which file."""

    network: "Classifier"
    images: "ImageData"
    out: Path
    build: "Build"

    def say(self, *lines: str) -> None:
        """Print which set it is, and the `lines` on how it came out."""
        typer.echo(f"{self.out}: {self.build.name} from {self.images.name} ({self.build.split})")
        for line in lines:
            typer.echo(line)


def made_by(name: str, model: ModelFile, out: Path, control: Path | None = None) -> MadeBy:
    """What the set `name` will say of its networks; FeatsplitError where one of them is the wrong one for it."""
    stated = model.trained_with
    return right_models(name, model.file, control, stated=stated, any_model=model.any_model, out=out)


def match_to_file(work: Building, match: Match) -> None:
    """Build a set by matching, and print how near it came."""
    from featsplit.synthesis import build_match

    summary = build_match(work.out, work.network, work.images, match, build=work.build)
    work.say(
        f"representation: distance {summary['start_distance']:.3g} at the start, {summary['distance']:.3g} at the end "
        f"(median); relative {summary['relative_distance']:.4f}, as stored {summary['relative_distance_stored']:.4f}"
    )
