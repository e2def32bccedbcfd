"""A source network that the user has: taken into the run as it is, where the run would have trained one."""

import shutil
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Self

from featsplit.data.images import ImageData
from featsplit.errors import FeatsplitError, warn
from featsplit.files import replacing
from featsplit.metadata.models import ModelMetadata
from featsplit.metadata.training import NETWORKS, training_of
from featsplit.models.checkpoints import model_spec, read_metadata
from featsplit.records.models import ModelSpec


@dataclass(frozen=True)
class GivenStandard:
    """A checkpoint (.safetensors) in the place of the standard network that a run trains; None: it trains it.

    `factory` is the user's own code that builds it, where it is not the run's own `model.arch`.
    """

    standard: str | None = None
    factory: str | None = None

    @property
    def are_given(self) -> bool:
        """Whether any network is."""
        return any(getattr(self, item.name) is not None for item in fields(self) if item.name != "factory")

    def settled(self) -> Self:
        """The same from any working folder."""
        names = [item.name for item in fields(self) if item.name != "factory"]
        whole = {name: str(Path(path).absolute()) for name in names if (path := getattr(self, name))}
        factory = None if self.factory is None else ModelSpec(self.factory).settled().arch
        return replace(self, **whole, factory=factory)

    def factory_of(self, path: str | None, usual: str) -> str:
        """The code that may be run to build a network: `usual`, that of the run, unless it is given, at `path`."""
        return usual if path is None or self.factory is None else self.factory


@dataclass(frozen=True)
class Given(GivenStandard):
    """The same of both source networks."""

    adversarial: str | None = None


def take(given: Path, name: str, path: Path, data: ImageData, *, factory: str | None = None) -> ModelMetadata:
    """Copy the checkpoint at `given` to `path`, as the network `name` ("standard", "adversarial") of a run on `data`.

    `factory` is the user's own code that may be run for it.

    Raises FeatsplitError where it takes other images, has other classes, or tells of another training than its `name`
    does; warns where it does not tell, or was trained on other images.
    """
    place, metadata = f"networks.{name}: {given}", read_metadata(given)
    if metadata.shape != data.shape or metadata.classes != len(data.classes):
        takes, are = (
            f"images of {' x '.join(map(str, shape))} in {classes} classes"
            for shape, classes in ((metadata.shape, metadata.classes), (data.shape, len(data.classes)))
        )
        raise FeatsplitError(f"{place}: takes {takes}; {data.name} has {are}; see data.resize")
    if metadata.class_names not in (None, data.classes):
        own, other = (", ".join(names[:3]) for names in (metadata.class_names or (), data.classes))
        raise FeatsplitError(
            f"{place}: its classes are {own} ..., those of {data.name} {other} ...; give one of this data"
        )
    if (spec := model_spec(metadata)).is_code and not spec.is_code_of(factory):
        raise FeatsplitError(f'{place}: was built by "{metadata.arch}"; to run that code, say networks.factory')
    training = training_of(metadata.recipe)
    if training.kind not in (name, "not told"):
        wanted = NETWORKS["standard" if name == "standard" else "adversarial"]
        raise FeatsplitError(f"{place}: tells of {training}; must be {wanted}: are the two swapped?")
    if training.kind == "not told":
        warn(f"{place}: does not tell how it was trained; what is said of the sets holds if it is {name}")
    if metadata.data_digest not in (None, data.digest):
        warn(
            f"{place}: was trained on other images ({metadata.trained_on}) than the run's ({data.name}); if the run's "
            "test images are among them, its accuracy is too high"
        )
    if metadata.state_digest is None or not path.is_file() or read_metadata(path) != metadata:
        with replacing(path) as partial:
            shutil.copyfile(given, partial)
    return metadata
