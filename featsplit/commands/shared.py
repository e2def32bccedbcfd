"""What several commands ask for: records of the command line, beside those of the stages."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from featsplit.commands import options
from featsplit.geometry import Norm
from featsplit.records.data import DataSpec
from featsplit.records.evaluation import ATTACKS, Attack, AttackName
from featsplit.records.machine import Precision

if TYPE_CHECKING:
    from featsplit.data.images import ImageData
    from featsplit.models.classifier import Classifier
    from featsplit.runtime import Machine

SplitName = Literal["train", "test"]


@dataclass(frozen=True)
class Opening:
    """How a data set is opened, which decides nothing of what is in it."""

    source: str | None = field(
        default=None,
        metadata={
            "help": "Where the source of a derived set lies now; must be the same images.",
            "unit": "SRC",
            "group": "Data",
        },
    )
    data_root: Path | None = field(
        default=None,
        metadata={"help": "Where torchvision's data sets lie.", "default": "$FEATSPLIT_DATA", "group": "Data"},
    )
    download: bool = field(default=False, metadata={"help": "Download a data set that is not there.", "group": "Data"})

    def load(self, data: DataSpec, *, test: bool = True) -> "ImageData":
        """The images that `data` describes; without `test`, the test images of a derived set are left out."""
        from featsplit.data.sources import load_data

        return load_data(data, root=self.data_root, download=self.download, elsewhere=self.source, test=test)


@dataclass(frozen=True)
class ModelUse:
    """How a checkpoint is opened, and what it may be used on."""

    factory: str | None = field(
        default=None,
        metadata={"help": "Let a checkpoint made with your own module:function run it.", "group": "Model"},
    )
    other_classes: bool = field(
        default=False,
        metadata={"help": "Use a model on data whose classes have other names than its own.", "group": "Model"},
    )

    def load(self, path: Path, data: "ImageData") -> "Classifier":
        """The model at `path`, which must take the images of `data` and have its classes, unless `other_classes`."""
        return options.load_model(path, data, factory=self.factory, other_classes=self.other_classes)


@dataclass(frozen=True)
class MachineOptions:
    """On what a command runs, and how exactly."""

    device: str = field(
        default="auto",
        metadata={"help": "auto, cpu, cuda, cuda:1 ...; auto takes a GPU where there is one.", "unit": "NAME"},
    )
    precision: Precision = field(
        default="auto",
        metadata={"help": "bfloat16 where that suffices, float32 always, or auto: as the machine is built for."},
    )

    def resolved(self) -> "Machine":
        """The machine itself; FeatsplitError where the device is not there."""
        from featsplit.runtime import Machine, resolve_device

        return Machine(resolve_device(self.device), self.precision)


@dataclass(frozen=True)
class Attacks:
    """The attacks of an evaluation: clean accuracy, and each attack in each norm at each eps."""

    attack: tuple[AttackName, ...] = field(
        default=("pgd",),
        metadata={"help": f"{', '.join(ATTACKS[1:])}: with commas for several; none is always there.", "unit": "NAMES"},
    )
    norm: tuple[Norm, ...] = field(
        default=("l2",), metadata={"help": "l2, linf, or both with a comma.", "unit": "NAMES"}
    )
    eps: tuple[float, ...] = field(
        default=(0.25, 0.5),
        metadata={"help": "Radii on the [0, 1] pixel scale, with commas.", "unit": "NUMBERS"},
    )
    steps: int = field(default=20, metadata={"help": "Of bim and pgd."})
    step_size: float | None = field(
        default=None, metadata={"help": "Length of a step, on the [0, 1] pixel scale.", "default": "2.5 eps / steps"}
    )
    restarts: int = field(default=3, metadata={"help": "Of pgd: the best over restarts counts for each image."})

    def check(self, place: str = "attack") -> None:
        """Raise FeatsplitError at `place` for the first attack that there is not."""
        for attack in self.each():
            attack.check(place)

    def each(self) -> list[Attack]:
        """One by one, clean accuracy first."""
        found = [Attack()]
        for name in self.attack:
            restarts = self.restarts if name == "pgd" else 1
            found += [Attack(name, n, eps, self.steps, self.step_size, restarts) for n in self.norm for eps in self.eps]
        return found
