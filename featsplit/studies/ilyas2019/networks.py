"""The networks of a run: what each is trained on, how, and what for. Made once, and never found out from a name."""

from dataclasses import dataclass, replace
from typing import Literal

from featsplit.metadata.derived_sets import DERIVED_SETS, DerivedSet
from featsplit.models.build import ModelSpec
from featsplit.randomness import stage_key
from featsplit.studies.ilyas2019.settings import Settings
from featsplit.training import Recipe

Labels = Literal["own", "next"]
MORE = {
    "noise": ("robust-noise", "nonrobust-noise"),
    "control": ("rand-control", "det-control"),
}
"""The sets that an experiment adds."""
ORDER = ("nonrobust", "rand", "robust", "det")
"""In this order two processes end at about the same time: adversarial training is long, the rest divides evenly."""
IN_FULL = ("main", "noise")
"""The experiments whose networks are attacked; of the others clean accuracy tells."""


@dataclass(frozen=True)
class Network:
    """A network of a run.

    `name` is that of its file and of its stream of randomness. It is trained on the source or on a derived set
    (`train_set`), on the source in a way (`training`) that may not be the standard one, for an `experiment`. `labels`
    "next": its set has images labelled as the class after their own. `given` is a checkpoint of the user's that is
    taken for it.
    """

    name: str
    train_set: str
    training: str
    spec: ModelSpec
    recipe: Recipe
    experiment: str = "main"
    labels: Labels = "own"
    given: str | None = None

    @property
    def file(self) -> str:
        """Where it lies, in the folder of its seed."""
        return f"models/{self.name}.safetensors"

    def seed(self, seed: int) -> int:
        """The seed of its initial weights and of its training, in a run of this `seed`."""
        return stage_key(seed, f"network/{self.name}") % 2**31


def standard(settings: Settings) -> Network:
    """The network that is trained on the source as usual, or that the user has."""
    recipe, given = settings.train.standard, settings.networks.standard
    return Network("standard", "source", "standard", settings.model, recipe, given=given)


def adversarial(settings: Settings) -> Network:
    """The network that is adversarially trained on the source, or that the user has."""
    recipe, given = settings.train.adversarial, settings.networks.adversarial
    return Network("adversarial", "source", "adversarial", settings.model, recipe, given=given)


def derived_sets(settings: Settings) -> list[DerivedSet]:
    """The derived sets of a run, the long ones first."""
    return [DERIVED_SETS[name] for name in (*ORDER, *(name for e in settings.experiments for name in MORE.get(e, ())))]


def retrained(settings: Settings, derived: DerivedSet, experiment: str | None = None) -> Network:
    """The network that is trained on a derived set: however that was made, as on the one of the four like it.

    None: the `experiment` that adds the set.
    """
    like = {"match": "robust" if derived.made_by.network == "adversarial" else "nonrobust", "mislabelled": "standard"}
    by_target = {"random": "rand", "next": "det"}
    recipe: Recipe = getattr(settings.train, like.get(derived.made_by.method, by_target[derived.made_by.targets]))
    experiment = experiment or next((one for one, names in MORE.items() if derived.name in names), "main")
    labels: Labels = "next" if derived.made_by.method == "perturb" and derived.made_by.targets == "next" else "own"
    return Network(derived.name, derived.name, "standard", settings.model, recipe, experiment, labels)


def examined(settings: Settings) -> DerivedSet:
    """The D_R whose network is looked at most closely: that of the set made from noise, as in the paper, if any."""
    return DERIVED_SETS["robust-noise" if "noise" in settings.experiments else "robust"]


def compared_on_source(settings: Settings) -> dict[str, Network]:
    """By architecture a standard network of it; of the run's own a second one."""
    return {
        arch: _compared(settings, f"standard@{arch}", "source", arch, settings.train.standard)
        for arch in settings.architectures
    }


def compared_on_det(settings: Settings) -> dict[str, Network]:
    """By architecture a network of it trained on D_det, but for the run's own where that is trained as long."""
    alike = settings.architecture_epochs in (None, settings.train.det.epochs)
    return {
        arch: _compared(settings, f"det@{arch}", "det", arch, settings.train.det)
        for arch in settings.architectures
        if not (alike and arch == settings.model.arch)
    }


def _compared(settings: Settings, name: str, train_set: str, arch: str, recipe: Recipe) -> Network:
    spec = settings.model if arch == settings.model.arch else ModelSpec(arch)
    recipe = replace(recipe, epochs=settings.architecture_epochs or recipe.epochs)
    return Network(name, train_set, "standard", spec, recipe, "architectures", "next" if train_set == "det" else "own")


def maker_of(settings: Settings, derived: DerivedSet) -> Network:
    """The network that a set of the four, or one like them, is made with."""
    return adversarial(settings) if derived.made_by.network == "adversarial" else standard(settings)
