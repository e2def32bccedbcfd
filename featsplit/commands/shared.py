"""What several commands ask for: records of the command line, beside those of the stages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from featsplit.commands.fields import Only, changed_flags
from featsplit.commands.texts import numbers
from featsplit.errors import FeatsplitError, unknown
from featsplit.geometry import DISTANCES, NORMS, Distance, Norm
from featsplit.records.data import DataSpec
from featsplit.records.evaluation import ATTACKS, Attack
from featsplit.records.machine import Precision
from featsplit.records.minimum_norm import NEAREST, NORMS_OF, STEPS, MinimumNorm
from featsplit.records.models import Pool

if TYPE_CHECKING:
    from featsplit.data.images import ImageData
    from featsplit.models.classifier import Classifier
    from featsplit.runtime import Machine

Name = TypeVar("Name", bound=str)
SplitName = Literal["train", "test"]
ALL_BUT_THE_SOURCE = Only(tuple(field.name for field in fields(DataSpec) if field.name != "source"))
"""Of a DataSpec, where the source is an argument of the command."""
_STEPS = ", ".join(f"{name} {steps}" for name, steps in STEPS.items())


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

    factory: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "Let a checkpoint made with your own module:function run it; may be repeated.",
            "unit": "NAME",
            "default": "none is run",
            "group": "Model",
        },
    )
    other_classes: bool = field(
        default=False,
        metadata={"help": "Use a model on data whose classes have other names than its own.", "group": "Model"},
    )

    def load(self, path: Path, data: "ImageData", *, head: bool = True) -> "Classifier":
        """The model at `path`, which must take the images of `data` and have its classes, unless `other_classes`.

        Without `head` it may be an encoder.
        """
        from featsplit.models.checkpoints import load_model_for

        return load_model_for(path, data, factory=self.factory, other_classes=self.other_classes, head=head)


@dataclass(frozen=True)
class Cutting:
    """Which layer of a network gives the representation."""

    layer: str | None = field(
        default=None,
        metadata={
            "help": "Its output is the representation; info MODEL --layers lists them.",
            "unit": "NAME",
            "default": "what the logits are computed from",
            "group": "Model",
        },
    )
    pool: Pool | None = field(
        default=None,
        metadata={
            "help": "Of a --layer that gives maps or tokens: over all places, the first token, or all.",
            "default": "mean",
            "group": "Model",
        },
    )

    def check(self, place: str = "model") -> None:
        """Raise FeatsplitError at `place` where a pool is said, and no layer."""
        if self.layer is None and self.pool is not None:
            raise FeatsplitError(f"--pool {self.pool}: is of the output of a layer; name it, --layer")

    def of(self, model: "Classifier", place: str) -> "Classifier":
        """`model`, cut at the layer if one is named; FeatsplitError at `place` where it has no such layer."""
        from featsplit.models.encoder import cut

        return model if self.layer is None else cut(model, self.layer, self.pool, place=place)


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
        from featsplit.runtime import Machine, ranks_now, resolve_device

        return Machine(resolve_device(self.device), self.precision, ranks_now())


EVERY = (*ATTACKS[1:], *NEAREST)


@dataclass(frozen=True)
class Attacks:
    """The attacks of an evaluation: clean accuracy, and each attack in each norm at each eps."""

    attack: tuple[str, ...] = field(
        default=("pgd",),
        metadata={
            "help": f"With commas: {', '.join(EVERY)}; each with a norm and an eps of its own where they are written "
            "behind it: pgd:l2:0.5,pgd:linf:8/255,closest:l2. Clean accuracy is always there.",
            "unit": "NAMES",
        },
    )
    norm: tuple[Norm, ...] = field(
        default=("l2",), metadata={"help": "l2, linf, or both with a comma.", "unit": "NAMES"}
    )
    eps: tuple[float, ...] = field(
        default=(0.25, 0.5),
        metadata={"help": "Radii on the [0, 1] pixel scale, with commas; fractions too.", "unit": "NUMBERS"},
    )
    steps: int | None = field(
        default=None, metadata={"help": "Of an attack that has steps.", "default": f"bim and pgd 20, {_STEPS}"}
    )
    step_size: float | None = field(
        default=None, metadata={"help": "Length of a step, on the [0, 1] pixel scale.", "default": "2.5 eps / steps"}
    )
    restarts: int = field(default=3, metadata={"help": "Of pgd: the best over restarts counts for each image."})

    def check(self, place: str = "attack") -> None:
        """Raise FeatsplitError at `place` for the first attack that there is not."""
        for attack in self.each():
            attack.check(place)

    def each(self) -> "list[Attack | MinimumNorm]":
        """One by one, clean accuracy first."""
        return [Attack(), *(attack for text in self.attack for attack in self._of(*_named(text)))]

    def _of(self, name: str, norm: Distance | None, eps: float | None) -> "Iterator[Attack | MinimumNorm]":
        """The attacks called `name`: in every norm and at every eps where it has none of its own."""
        radii, norms = self.eps if eps is None else (eps,), self.norm if norm is None else (norm,)
        if nearest := _one_of(NEAREST, name):
            known = [one for one in norms if norm or one in NORMS_OF[nearest]] or [NORMS_OF[nearest][0]]
            for one in known:
                yield MinimumNorm(nearest, one, self.steps if nearest in STEPS else None, eps=radii)
            return
        if not (budget := _one_of(ATTACKS[1:], name)):
            raise unknown("--attack", name, EVERY)
        for one in norms:
            if not (ball := _one_of(NORMS, one)):
                raise unknown(f"--attack {name}: norm", one, NORMS)
            for radius in radii:
                restarts = self.restarts if budget == "pgd" else 1
                yield Attack(budget, ball, radius, self.steps or Attack.steps, self.step_size, restarts)


def _one_of(names: Sequence[Name], name: str) -> Name | None:
    """The one of `names` that this is."""
    return next((one for one in names if one == name), None)


def _named(text: str) -> tuple[str, Distance | None, float | None]:
    """The name, the norm and the eps of "pgd:linf:8/255"; None for what is not written."""
    name, norm, eps, *more = (*text.split(":"), "", "")
    if any(more):
        raise FeatsplitError(f'--attack "{text}": must be NAME, NAME:NORM or NAME:NORM:EPS, such as pgd:linf:8/255')
    known = _one_of(DISTANCES, norm)
    if norm and known is None:
        raise unknown(f"--attack {text}: norm", norm, DISTANCES)
    return name, known, numbers(eps, f"--attack {text}: eps")[0] if eps else None


def check_of_source(file: str, data: DataSpec) -> None:
    """Raise FeatsplitError where `data` asks for a part of what is in a `file` of ours, which is decided."""
    if flags := changed_flags(data, DataSpec("")):
        raise FeatsplitError(f"{file}: {flags[0]}: is for a source of data; what is in a file of ours is decided")
