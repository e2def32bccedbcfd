"""By which network a derived set was made: how that was trained, what it was, and which set needs which.

A checkpoint tells who attacked it during training. One that was brought in, or saved without a recipe, may not: its
training is then "not told", which is neither standard nor adversarial. Read without torch.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, NamedTuple

Kind = Literal["standard", "adversarial", "not told"]
NETWORKS: dict[Kind, str] = {
    "standard": "a standard network",
    "adversarial": "an adversarially trained network",
    "not told": "a network of which the training is not told",
}


class SetKind(NamedTuple):
    """What a derived set is: its `name` and `title`, the training that it `needs`, and what another makes of it."""

    name: str
    title: str
    needs: Kind
    otherwise: str


CONTROL = "the control of the paper's Tables 9 and 10, {name} made with the adversarially trained network"
SETS: dict[str, SetKind] = {
    "robust": SetKind("D_R", "D_R, the robust data set", "adversarial", "D_NR"),
    "robust-noise": SetKind("D_R", "D_R, the robust data set, from noise", "adversarial", "D_NR"),
    "nonrobust": SetKind("D_NR", "D_NR, a non-robust data set", "standard", "D_R"),
    "nonrobust-noise": SetKind("D_NR", "D_NR, a non-robust data set, from noise", "standard", "D_R"),
    "rand": SetKind("D_rand", "D_rand: relabelled at random and perturbed", "standard", CONTROL.format(name="D_rand")),
    "det": SetKind(
        "D_det", "D_det: relabelled as the next class and perturbed", "standard", CONTROL.format(name="D_det")
    ),
    "rand-control": SetKind("the control", CONTROL.format(name="D_rand"), "adversarial", "D_rand"),
    "det-control": SetKind("the control", CONTROL.format(name="D_det"), "adversarial", "D_det"),
    "rand-bugs": SetKind(
        "bugs",
        "D_rand of bugs: perturbations that leave other networks as they were",
        "standard",
        "bugs of an adversarially trained network",
    ),
    "det-bugs": SetKind(
        "bugs",
        "D_det of bugs: perturbations that leave other networks as they were",
        "standard",
        "bugs of an adversarially trained network",
    ),
    "mislabelled": SetKind(
        "the mislabelled images",
        "images that a network misread, labelled as it read them",
        "standard",
        "what a robust network misreads",
    ),
}
"""By the name that stands in the file."""


@dataclass(frozen=True)
class Training:
    """How a network was trained; of an adversary what is told of it: `attack`, `norm`, `eps` and `steps`."""

    kind: Kind = "not told"
    attack: str | None = None
    norm: str | None = None
    eps: float | None = None
    steps: int | None = None

    def __str__(self) -> str:
        """As "adversarial training pgd l2 eps 0.5 steps 7"."""
        if self.kind == "not told":
            return "training not told"
        words = [f"{self.kind} training", self.attack, self.norm]
        words += [
            f"{name} {value:g}" for name, value in (("eps", self.eps), ("steps", self.steps)) if value is not None
        ]
        return " ".join(word for word in words if word)


STANDARD = Training("standard")


def training_of(story: Mapping[str, Any]) -> Training:
    """How the network was trained whose checkpoint tells `story`.

    An adversary of eps 0, or one whose loss has no weight (alpha 1), is none: that is standard training. What cannot be
    read, in a story that someone else wrote, is not told.
    """
    recipe = story.get("recipe")
    if not isinstance(recipe, Mapping) or "adversary" not in recipe:
        return Training()
    adversary = recipe["adversary"]
    if adversary is None:
        return STANDARD
    try:
        norm, eps = str(adversary["norm"]), float(adversary["eps"])
    except (KeyError, TypeError, ValueError):
        return Training()
    if eps == 0 or adversary.get("alpha") == 1:
        return STANDARD
    attack, steps = adversary.get("attack"), adversary.get("steps")
    return Training(
        "adversarial",
        attack if isinstance(attack, str) else None,
        norm,
        eps,
        steps if isinstance(steps, int) and attack != "fgsm" else None,
    )


@dataclass(frozen=True)
class ModelCard:
    """A network as a set tells of it: its `file` as the user gave it, `architecture`, `training` and test accuracy.

    `by_user`: whether the user told how it was trained, not the checkpoint.
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


def card_of(file: str, story: Mapping[str, Any], told: Training | None = None) -> ModelCard:
    """The card of the checkpoint `file` that tells `story`; `told` is how its user says that it was trained."""
    model = story["model"]
    sizes = [f"{name} {model[name]}" for name in ("width", "stages") if model.get(name) is not None]
    results = story.get("results")
    accuracy = results.get("test_accuracy") if isinstance(results, Mapping) else None
    known = accuracy if isinstance(accuracy, float) else None
    return ModelCard(file, " ".join([model["arch"], *sizes]), told or training_of(story), known, told is not None)


@dataclass(frozen=True)
class MadeBy:
    """The networks behind a derived set: the `model`, the `control` if any; None where nothing is told of one.

    `any_model`: whether the user insisted on a network that is not what the set needs.
    """

    model: ModelCard | None = None
    control: ModelCard | None = None
    any_model: bool = False

    @property
    def kind(self) -> Kind:
        """How the model was trained."""
        return "not told" if self.model is None else self.model.training.kind

    def plain(self) -> dict[str, Any]:
        """As JSON values; `made_by_from` reads them back."""
        return asdict(self)

    def joined(self, later: "MadeBy") -> "MadeBy":
        """This, with what `later` tells anew of the same networks; a mere other file name is nothing new."""
        model, control = _newer(self.model, later.model), _newer(self.control, later.control)
        insisted = self.any_model if (model, control) == (self.model, self.control) else later.any_model
        return MadeBy(model, control, insisted)


def _newer(kept: ModelCard | None, later: ModelCard | None) -> ModelCard | None:
    if kept is None or later is None:
        return kept or later
    same = later.training.kind == "not told" or replace(kept, file="") == replace(later, file="")
    return kept if same else later


def made_by_from(plain: Mapping[str, Any]) -> MadeBy:
    """What `MadeBy.plain` turned into `plain`."""
    return MadeBy(_card(plain["model"]), _card(plain["control"]), bool(plain["any_model"]))


def _card(plain: Mapping[str, Any] | None) -> ModelCard | None:
    return None if plain is None else ModelCard(**{**plain, "training": Training(**plain["training"])})


def set_title(name: str | None, made_by: MadeBy, *, otherwise: str) -> str:
    """What the set `name` is, made by this network; `otherwise` where the name is none of `SETS`."""
    if name not in SETS:
        return otherwise
    of = SETS[name]
    if made_by.kind == of.needs:
        return of.title
    if made_by.kind == "not told":
        return f"made as {of.name}, by {NETWORKS['not told']}"
    insisted = " (--any-model)" if made_by.any_model else ""
    return f"made as {of.name}, but by {NETWORKS[made_by.kind]}{insisted}: that is {of.otherwise}"
