"""What a run makes, and from what: the derived sets, the networks, and the jobs in the order of their needs."""

from dataclasses import replace
from typing import Literal, NamedTuple

from featsplit.experiment.settings import Experiment
from featsplit.models.build import ModelSpec
from featsplit.synthesis import Start, Targets
from featsplit.training import Recipe


class Made(NamedTuple):
    """How a derived set is made: by which network, and from where or to what.

    `judged`: whether the adversarially trained network reads each image before and after.
    """

    source: str
    method: Literal["match", "perturb"]
    start: Start = "image"
    targets: Targets = "random"
    judged: bool = False


FOUR = {
    "nonrobust": Made("standard", "match"),
    "rand": Made("standard", "perturb", targets="random", judged=True),
    "robust": Made("adversarial", "match"),
    "det": Made("standard", "perturb", targets="next", judged=True),
}
"""In this order two workers end at about the same time: adversarial training is long, and the rest divides evenly."""

MORE: dict[str, dict[str, Made]] = {
    "noise": {
        "robust-noise": Made("adversarial", "match", start="noise"),
        "nonrobust-noise": Made("standard", "match", start="noise"),
    },
    "control": {
        "rand-control": Made("adversarial", "perturb", targets="random"),
        "det-control": Made("adversarial", "perturb", targets="next"),
    },
}
"""The sets that a part of the experiment adds."""

MADE = FOUR | MORE["noise"] | MORE["control"]
SCRUTINISED = ("standard", "adversarial", "robust", "nonrobust")
"""The networks whose robustness is claimed something of."""


def jobs_of(experiment: Experiment) -> dict[str, tuple[str, ...]]:
    """Every job of one seed, with those that it needs, which come before it: the long ones first.

    A network's job makes its training set, trains it and evaluates it: "standard", "rand" ... or "det@vgg7", the
    network of another architecture ("standard@resnet8" is a second one of the same). The others measure: "splits",
    "steps", "transferred", "autoattack@robust" ...
    """
    parts = experiment.parts
    jobs: dict[str, tuple[str, ...]] = {"adversarial": (), "standard": ()}
    for name, made in sets_of(experiment).items():
        jobs[name] = (made.source, "adversarial") if made.judged else (made.source,)
    jobs |= {part: (closest(experiment),) for part in ("steps", "splits") if part in parts}
    if "autoattack" in parts:
        jobs |= {f"autoattack@{name}": (name,) for name in SCRUTINISED}
    if "architectures" in parts:
        others = [arch for arch in experiment.architectures if arch != experiment.model.arch]
        jobs |= {f"standard@{arch}": () for arch in experiment.architectures} | {
            f"det@{arch}": ("det",) for arch in others
        }
        jobs["transferred"] = ("standard", *(f"standard@{arch}" for arch in experiment.architectures))
    return jobs


def sets_of(experiment: Experiment) -> dict[str, Made]:
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
    arch = name.partition("@")[2]
    return ModelSpec(arch) if arch not in ("", experiment.model.arch) else experiment.model


def recipe_of(experiment: Experiment, name: str) -> Recipe:
    """How the network `name` is trained: as the one of its training set, however that set was made."""
    recipe: Recipe = getattr(experiment.train, set_of(name).partition("-")[0])
    compared = "@" in name and experiment.architecture_epochs
    return replace(recipe, epochs=compared) if compared else recipe


def set_of(name: str) -> str:
    """What the network `name` is trained on: a derived set, or "standard" or "adversarial" for the source."""
    return name.partition("@")[0]
