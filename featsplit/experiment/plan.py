"""What a run makes, and from what: the derived sets, the networks, and the jobs in the order of their needs."""

from dataclasses import replace

from featsplit.experiment.settings import SOURCE_NETWORKS, Experiment
from featsplit.metadata.derived_sets import DERIVED_SETS, Construction
from featsplit.models.build import ModelSpec
from featsplit.training import Recipe

FOUR = {name: DERIVED_SETS[name].made_by for name in ("nonrobust", "rand", "robust", "det")}
"""In this order two workers end at about the same time: adversarial training is long, and the rest divides evenly."""

MORE = {
    part: {name: DERIVED_SETS[name].made_by for name in names}
    for part, names in {
        "noise": ("robust-noise", "nonrobust-noise"),
        "control": ("rand-control", "det-control"),
        "bugs": ("det-bugs",),
        "mislabelled": ("mislabelled",),
    }.items()
}
"""The sets that a part of the experiment adds."""

MADE = {name: made for sets in (FOUR, *MORE.values()) for name, made in sets.items()}
ON_SOURCE = (*SOURCE_NETWORKS, "early", "linear")
"""The networks that are trained on the source itself."""
SCRUTINISED = ("standard", "adversarial", "robust", "nonrobust")
"""The networks whose robustness is claimed something of."""
LEAKED = ("rand", "det", "rand-control", "det-control", "det-bugs")
"""The sets whose leak through robust features is measured."""


def jobs_of(experiment: Experiment) -> dict[str, tuple[str, ...]]:
    """Every job of one seed, with those that it needs, which come before it: the long ones first.

    A network's job makes its training set, trains it and evaluates it: "standard", "rand" ... or "det@vgg7", the
    network of another architecture ("standard@resnet8" is a second one of the same), or "standard@1", one more of the
    same. The others measure: "splits", "steps", "transferred", "autoattack@robust" ...
    """
    parts = experiment.parts
    jobs: dict[str, tuple[str, ...]] = {"adversarial": (), "standard": ()}
    fellows = fellows_of(experiment)
    jobs |= dict.fromkeys(fellows, ())
    if "mislabelled" in parts:
        jobs["early"] = ()
    for name, made in sets_of(experiment).items():
        judge = ("adversarial",) if made.control else ()
        jobs[name] = (made.network, *judge, *(fellows if made.ensemble else ()))
    jobs |= {part: (closest(experiment),) for part in ("steps", "splits") if part in parts}
    if "autoattack" in parts:
        jobs |= {f"autoattack@{name}": (name,) for name in SCRUTINISED}
    if "audit" in parts:
        jobs |= {f"audit@{name}": (name,) for name in SOURCE_NETWORKS}
    if "leakage" in parts:
        jobs |= {"linear": (), "leakage": ("linear", *(name for name in sets_of(experiment) if name in LEAKED))}
    if "bugs" in parts:
        jobs["fresh"] = ("det", "det-bugs", fellows[-1])
    if "architectures" in parts:
        alike = experiment.architecture_epochs in (None, experiment.train.det.epochs)
        known = (experiment.model.arch,) if alike else ()  # the network of D_det itself is one of those compared
        jobs |= {f"standard@{arch}": () for arch in experiment.architectures}
        jobs |= {f"det@{arch}": ("det",) for arch in experiment.architectures if arch not in known}
        jobs["transferred"] = ("standard", *(f"standard@{arch}" for arch in experiment.architectures))
    return jobs


def fellows_of(experiment: Experiment) -> tuple[str, ...]:
    """Other standard networks: those that bugs are to leave as they were, and a last one that is asked about them."""
    count = experiment.discussion.ensemble + 1 if "bugs" in experiment.parts else 0
    return tuple(f"standard@{number}" for number in range(1, count + 1))


def sets_of(experiment: Experiment) -> dict[str, Construction]:
    """The derived sets of a run, with how each is made."""
    found = dict(FOUR)
    for part in experiment.parts:
        found |= MORE.get(part, {})
    return found


def closest(experiment: Experiment) -> str:
    """The network of D_R that is looked at most closely: that of the set made from noise, as in the paper, if any."""
    return "robust-noise" if "noise" in experiment.parts else "robust"


def spec_of(experiment: Experiment, name: str) -> ModelSpec:
    """The architecture of the network `name`."""
    if name == "linear":
        return ModelSpec("linear")
    arch = name.partition("@")[2]
    return experiment.model if arch in ("", experiment.model.arch) or arch.isdigit() else ModelSpec(arch)


def recipe_of(experiment: Experiment, name: str) -> Recipe:
    """How the network `name` is trained: as the one of its training set, however that set was made."""
    if name in ("early", "mislabelled"):
        recipe = experiment.train.standard
        return replace(recipe, epochs=experiment.discussion.early_epochs) if name == "early" else recipe
    if name == "linear":
        return replace(experiment.train.adversarial, augment=())
    own: Recipe = getattr(experiment.train, set_of(name).partition("-")[0])
    compared = part_of(name) == "architectures" and experiment.architecture_epochs
    return replace(own, epochs=compared) if compared else own


def part_of(name: str) -> str:
    """The part of the experiment that network `name` belongs to."""
    arch = name.partition("@")[2]
    if arch:
        return "bugs" if arch.isdigit() else "architectures"
    if name in ("early", "linear"):
        return "mislabelled" if name == "early" else "linear"
    return next((part for part, sets in MORE.items() if name in sets), "main")


def set_of(name: str) -> str:
    """What the network `name` is trained on: a derived set, or "standard" or "adversarial" for the source."""
    return name.partition("@")[0]
