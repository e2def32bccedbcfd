"""By which network a derived set was made: how that was trained, and so what the set is."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from featsplit.metadata.derived_sets import DERIVED_SETS
from featsplit.metadata.models import ModelMetadata
from featsplit.metadata.plain import Fields, Json, as_json, mapping, number, text
from featsplit.metadata.training import NETWORKS, Kind, Training, training_from, training_of


@dataclass(frozen=True)
class ModelCard:
    """A network as a set's metadata show it: `file` as the user gave it, `architecture`, `training`, test accuracy.

    `by_user`: whether the user said how it was trained, not the checkpoint.
    """

    file: str
    architecture: str
    training: Training
    test_accuracy: float | None = None
    by_user: bool = False

    def __str__(self) -> str:
        """As "robust.safetensors: resnet8, adversarial training pgd l2 eps 0.5, test accuracy 0.812"."""
        source = " (as told by --trained-with)" if self.by_user else ""
        accuracy = "" if self.test_accuracy is None else f", test accuracy {self.test_accuracy:.3f}"
        return f"{self.file}: {self.architecture}, {self.training}{source}{accuracy}"


def card_of(file: str, metadata: ModelMetadata, stated: Training | None = None) -> ModelCard:
    """The card of the checkpoint `file` of this `metadata`; `stated` is how its user says that it was trained."""
    training = stated or training_of(metadata.recipe)
    accuracy = metadata.results.get("test_accuracy")
    return ModelCard(file, metadata.network, training, accuracy, by_user=stated is not None)


@dataclass(frozen=True)
class MadeBy:
    """The networks behind a derived set: the `model`, the `control` if any; None where nothing is known of one.

    `any_model`: whether the user insisted on a network that is not what the set needs.
    """

    model: ModelCard | None = None
    control: ModelCard | None = None
    any_model: bool = False

    @property
    def kind(self) -> Kind:
        """How the model was trained."""
        return "not told" if self.model is None else self.model.training.kind

    def plain(self) -> Fields:
        """As JSON values; `made_by_from` reads them back."""
        return as_json(asdict(self))

    def joined(self, later: "MadeBy") -> "MadeBy":
        """This, with what `later` knows anew of the same networks; a mere other file name is nothing new."""
        model, control = _newer(self.model, later.model), _newer(self.control, later.control)
        insisted = self.any_model if (model, control) == (self.model, self.control) else later.any_model
        return MadeBy(model, control, insisted)


def _newer(kept: ModelCard | None, later: ModelCard | None) -> ModelCard | None:
    if kept is None or later is None:
        return kept or later
    same = later.training.kind == "not told" or replace(kept, file="") == replace(later, file="")
    return kept if same else later


def made_by_from(plain: Mapping[str, Json]) -> MadeBy:
    """What `MadeBy.plain` turned into `plain`; KeyError or TypeError where that is something else."""
    return MadeBy(_card(plain["model"]), _card(plain["control"]), bool(plain["any_model"]))


def _card(plain: Json) -> ModelCard | None:
    if plain is None:
        return None
    fields = mapping(plain)
    accuracy = fields["test_accuracy"]
    return ModelCard(
        text(fields["file"]),
        text(fields["architecture"]),
        training_from(fields["training"]),
        None if accuracy is None else number(accuracy),
        bool(fields["by_user"]),
    )


def set_title(name: str | None, made_by: MadeBy, *, otherwise: str) -> str:
    """What the set `name` is, made by this network; `otherwise` where the name is none of `DERIVED_SETS`."""
    if name not in DERIVED_SETS:
        return otherwise
    derived = DERIVED_SETS[name]
    if made_by.kind == derived.made_by.needs:
        return derived.title
    if made_by.kind == "not told":
        return f"made as {derived.symbol}, by {NETWORKS['not told']}"
    insisted = " (--any-model)" if made_by.any_model else ""
    return f"made as {derived.symbol}, but by {NETWORKS[made_by.kind]}{insisted}: that is {derived.otherwise}"
