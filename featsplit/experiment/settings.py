"""A run's settings as frozen dataclasses, read from a preset or the user's own TOML file."""

import tomllib
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args

from featsplit.data.derived import Dtype
from featsplit.data.sources import DataSpec, describe
from featsplit.errors import FeatsplitError, check_count, check_positive, unknown
from featsplit.evaluation import Attack, AttackName, check_installed
from featsplit.experiment.convert import overridden, record
from featsplit.geometry import Norm
from featsplit.metadata.derived_sets import FOUR
from featsplit.models.build import ModelSpec
from featsplit.runtime import Precision
from featsplit.synthesis import Match, Perturb
from featsplit.training import Recipe

SETS = FOUR
SOURCE_NETWORKS = ("standard", "adversarial")
NETWORKS = (*SOURCE_NETWORKS, *SETS)
Part = Literal[
    "noise",
    "splits",
    "control",
    "architectures",
    "steps",
    "autoattack",
    "audit",
    "leakage",
    "bugs",
    "mislabelled",
]
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True)
class Evaluation:
    """The attack on the test set: each eps of `eps`, by `attack` (see `evaluation.Attack`)."""

    attack: AttackName = "pgd"
    norm: Norm = "l2"
    eps: tuple[float, ...] = (0.25, 0.5)
    steps: int = 20
    step_size: float | None = None
    restarts: int = 3

    def attacks(self) -> list[Attack]:
        """Clean accuracy, and the attack at every eps."""
        found = [Attack(self.attack, self.norm, eps, self.steps, self.step_size, self.restarts) for eps in self.eps]
        return [Attack(), *found]


@dataclass(frozen=True)
class Scrutiny:
    """How robustness is looked at more closely, on `images` test images: AutoAttack, and PGD with up to `steps` steps.

    `strides` are the step sizes that are searched, as parts of eps.
    """

    images: int = 200
    steps: int = 2500
    strides: tuple[float, ...] = (1.0, 0.3, 0.1, 0.03)

    def check(self, place: str = "scrutiny") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        for name in ("images", "steps"):
            check_count(f"{place}.{name}", getattr(self, name))
        if not self.strides:
            raise FeatsplitError(f"{place}.strides: is empty; give parts of eps, such as [1.0, 0.1]")
        for stride in self.strides:
            check_positive(f"{place}.strides", stride)


@dataclass(frozen=True)
class Discussion:
    """What the discussion of the paper adds (distill.pub/2019/advex-bugs-discussion).

    `ensemble`: how many other networks a bug is to leave as they were. `early_epochs`: how long the network is trained
    whose wrong predictions are learned from. `images` and `steps` of the audit's PGD; it is at the smaller eps of
    `evaluate`.
    """

    ensemble: int = 5
    early_epochs: int = 2
    images: int = 200
    steps: int = 10

    def check(self, place: str = "discussion") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        for name in ("ensemble", "early_epochs", "images", "steps"):
            check_count(f"{place}.{name}", getattr(self, name))


@dataclass(frozen=True)
class Training:
    """A recipe for each network: on the source (`standard`, `adversarial`), and on each derived set."""

    standard: Recipe
    adversarial: Recipe
    robust: Recipe
    nonrobust: Recipe
    rand: Recipe
    det: Recipe


@dataclass(frozen=True)
class Experiment:
    """Everything that decides the numbers of a run, but for the seeds.

    `parts` are the paper's experiments beyond the four sets: "noise" (Table 7, sets matched from noise), "splits"
    (Table 8), "control" (Tables 9 and 10, D_rand and D_det of the robust network), "architectures" (Figures 3 and 13,
    with these `architectures`, each trained for `architecture_epochs`, None being as long as the experiment's own),
    "steps" (Figure 8) and "autoattack". Those of its discussion: "audit" (how useful and how robust each unit is, and
    each layer), "leakage", "bugs" (perturbations that do not transfer) and "mislabelled".
    """

    name: str
    data: DataSpec
    model: ModelSpec
    train: Training
    match: Match
    perturb: Perturb
    evaluate: Evaluation
    scrutiny: Scrutiny = Scrutiny()
    discussion: Discussion = Discussion()
    parts: tuple[Part, ...] = ()
    architectures: tuple[str, ...] = ("cnn", "vgg7", "densenet10", "resnet8", "resnet14")
    architecture_epochs: int | None = None
    dtype: Dtype = "float32"
    precision: Precision = "auto"

    def check(self) -> None:
        """Raise FeatsplitError for the first setting out of its range."""
        self.model.check()
        for name in NETWORKS:
            recipe = getattr(self.train, name)
            recipe.check(f"train.{name}")
            if recipe.adversary is not None and name != "adversarial":
                raise FeatsplitError(
                    f"train.{name}.adversary: only train.adversarial has one; the others train normally"
                )
        if self.perturb.targets != "random":
            raise FeatsplitError('perturb.targets: a run makes both sets, D_rand with "random" and D_det with "next"')
        if self.evaluate.attack == "none" or not any(self.evaluate.eps):
            raise FeatsplitError("evaluate: needs an attack, and an eps greater than 0; what is compared is robustness")
        if len(set(self.evaluate.eps)) < len(self.evaluate.eps):
            raise FeatsplitError(f"evaluate.eps = {list(self.evaluate.eps)}: give each eps once")
        if self.train.adversarial.adversary is None:
            raise FeatsplitError("train.adversarial.adversary: is missing; it says how the robust network is trained")
        self.match.check()
        self.perturb.check()
        self.scrutiny.check()
        self.discussion.check()
        if "architectures" in self.parts:
            check_count("architecture_epochs", 1 if self.architecture_epochs is None else self.architecture_epochs)
            for name in self.architectures:
                ModelSpec(name).check("architectures")
        if "autoattack" in self.parts:
            check_installed('parts "autoattack"')
        for attack in self.evaluate.attacks():
            attack.check("evaluate")

    def plain(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return {**asdict(self), "data": describe(self.data)}


def presets() -> dict[str, Path]:
    """The built-in presets by name."""
    folder = Path(str(files("featsplit") / "presets"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def read_experiment(name: str, settings: list[str] | None = None) -> Experiment:
    """The preset called `name`, or the TOML file at that path, with `settings` ("key=value") put in.

    `[train]` holds what all six networks share, `[train.standard]`, `[train.rand]` and so on what is their own.
    """
    path = Path(name) if name.endswith(".toml") else presets().get(name)
    if path is None:
        raise unknown("run", name, [*presets(), "FILE.toml"])
    try:
        mapping = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FeatsplitError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FeatsplitError(f"{path}: is no TOML: {error}") from error
    mapping = overridden({"name": path.stem, **mapping}, settings or [])
    experiment = record(Experiment, {**_SECTIONS, **mapping, "train": _recipes(mapping.get("train", {}))}, "")
    experiment.check()
    return experiment


_SECTIONS: dict[str, dict[str, Any]] = {
    name: {} for name in ("data", "model", "match", "perturb", "evaluate", "scrutiny", "discussion")
}


def _recipes(section: Any) -> dict[str, Any]:
    """A full recipe for each network: what `[train]` shares, overridden by the network's own table."""
    if not isinstance(section, dict):
        raise FeatsplitError(f"train = {section!r}: must be a table")
    shared = {key: value for key, value in section.items() if not isinstance(value, dict)}
    own = {key: value for key, value in section.items() if isinstance(value, dict)}
    return {**own, **{name: {**shared, **own.get(name, {})} for name in NETWORKS}}
