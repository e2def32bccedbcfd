"""The settings of the paper's experiments, as a preset or the user's own TOML file describes them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar, Self

from featsplit.data.derived import Dtype
from featsplit.engine.settings import RENAMED, record
from featsplit.engine.study import DataStudySettings
from featsplit.errors import FeatsplitError, check_count, check_positive, unknown
from featsplit.evaluation import Attack, AttackName, check_installed
from featsplit.geometry import Norm
from featsplit.metadata.derived_sets import FOUR
from featsplit.metadata.plain import Fields, Json
from featsplit.models.build import SMALL_ARCHITECTURES, ModelSpec
from featsplit.records.evaluation import Probe
from featsplit.records.rules import RULES
from featsplit.studies.given import Given
from featsplit.synthesis import Match, Perturb
from featsplit.training import Recipe

NETWORKS = ("standard", "adversarial", *FOUR)
"""The six networks of the paper, each with a recipe."""
EXPERIMENTS = ("noise", "splits", "control", "architectures", "steps", "autoattack", "distance")
PLATEAU = 60
"""Epochs that D_rand needs at the paper's rate: it stays near chance for about 30, then learns (Figure 10)."""


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

    def smallest_eps(self) -> float:
        """The smallest eps greater than 0: that at which a network is looked at more closely."""
        return min(eps for eps in self.eps if eps)


@dataclass(frozen=True)
class Scrutiny:
    """How robustness is looked at more closely, on `images` test images: AutoAttack, and PGD with up to `steps` steps.

    `relative_step_sizes` are the step sizes that are searched, as parts of eps.
    """

    images: int = 200
    steps: int = 2500
    relative_step_sizes: tuple[float, ...] = (1.0, 0.3, 0.1, 0.03)

    def check(self, place: str = "scrutiny") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        for name in ("images", "steps"):
            check_count(f"{place}.{name}", getattr(self, name))
        if not self.relative_step_sizes:
            raise FeatsplitError(f"{place}.relative_step_sizes: is empty; give parts of eps, such as [1.0, 0.1]")
        for size in self.relative_step_sizes:
            check_positive(f"{place}.relative_step_sizes", size)


@dataclass(frozen=True)
class Training:
    """A recipe for each network: on the source (`standard`, `adversarial`), and on each derived set."""

    standard: Recipe
    adversarial: Recipe
    robust: Recipe
    nonrobust: Recipe
    rand: Recipe
    det: Recipe


@dataclass(frozen=True, kw_only=True)
class Settings(DataStudySettings):
    """Everything that decides the numbers of a run, but for the seeds.

    `experiments` are the paper's beyond the four sets: "noise" (Table 7, sets matched from noise), "splits" (Table 8),
    "control" (Tables 9 and 10, D_rand and D_det of the robust network), "architectures" (Figures 3 and 13, with these
    `architectures`, each trained for `architecture_epochs`, None being as long as the run's own), "steps" (Figure 8),
    "autoattack", and "distance": how far the nearest adversarial image of each of the six networks is. `networks` are
    those of the source that need not be trained. `curves` is the PGD of the accuracy under attack by epoch; what it
    does not say of norm and eps is that of `evaluate`, at the smallest eps.
    """

    study: str = "ilyas2019"
    model: ModelSpec
    networks: Given = field(default_factory=Given)
    train: Training
    match: Match
    perturb: Perturb
    evaluate: Evaluation
    curves: Probe | None = None
    scrutiny: Scrutiny = Scrutiny()
    experiments: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ("cnn", "vgg7", "densenet10", "resnet8", "resnet14")
    architecture_epochs: int | None = None
    dtype: Dtype = "float32"

    known_experiments: ClassVar[tuple[str, ...]] = EXPERIMENTS
    sections: ClassVar[tuple[str, ...]] = ("data", "model", "match", "perturb", "evaluate", "scrutiny")

    @classmethod
    def read(cls, mapping: Fields) -> Self:
        """The settings that `mapping` describes.

        `[train]` holds what all six networks share, `[train.standard]`, `[train.rand]` and so on what is their own.
        """
        if old := cls.old_names(mapping):
            raise FeatsplitError("; ".join(old))
        sections: Fields = {name: {} for name in cls.sections}
        settings = record(cls, {**sections, **mapping, "train": _recipes(mapping.get("train", {}))}, "")
        settings.check()
        return replace(settings, curves=settings._curves(mapping.get("curves")))

    @classmethod
    def old_names(cls, mapping: Fields) -> list[str]:
        """What `mapping` has of versions before, each with what is said now."""
        scrutiny, match = (mapping.get(name) for name in ("scrutiny", "match"))
        found = ["parts: is called experiments now"] if "parts" in mapping else []
        if isinstance(scrutiny, Mapping) and "strides" in scrutiny:
            found.append("scrutiny.strides: is called scrutiny.relative_step_sizes now")
        return [*found, *_old_rule(match.get("rule"))] if found and isinstance(match, Mapping) else found

    def check(self) -> None:
        """Raise FeatsplitError for the first setting out of its range."""
        self.model.check()
        self._check_recipes()
        for name in self.experiments:
            if name not in self.known_experiments:
                raise unknown("experiments", name, self.known_experiments)
        if self.perturb.targets != "random":
            raise FeatsplitError('perturb.targets: a run makes both sets, D_rand with "random" and D_det with "next"')
        if self.evaluate.attack == "none" or not any(self.evaluate.eps):
            raise FeatsplitError("evaluate: needs an attack, and an eps greater than 0; what is compared is robustness")
        if len(set(self.evaluate.eps)) < len(self.evaluate.eps):
            raise FeatsplitError(f"evaluate.eps = {list(self.evaluate.eps)}: give each eps once")
        self.match.check()
        self.perturb.check()
        self.scrutiny.check()
        self.curve().check("curves")
        if "architectures" in self.experiments:
            check_count("architecture_epochs", 1 if self.architecture_epochs is None else self.architecture_epochs)
            for name in self.architectures:
                ModelSpec(name).check("architectures")
        if "autoattack" in self.experiments:
            check_installed('experiments "autoattack"')
        for attack in self.evaluate.attacks():
            attack.check("evaluate")

    def _check_recipes(self) -> None:
        for name in NETWORKS:
            recipe: Recipe = getattr(self.train, name)
            recipe.check(f"train.{name}")
            if recipe.adversary is not None and name != "adversarial":
                raise FeatsplitError(
                    f"train.{name}.adversary: only train.adversarial has one; the others train normally"
                )
        if self.train.adversarial.adversary is None:
            raise FeatsplitError("train.adversarial.adversary: is missing; it says how the robust network is trained")

    def _curves(self, said: Json) -> Probe | None:
        """`curves`, with norm and eps of `evaluate` where the settings that were read `said` nothing of them."""
        if self.curves is None or not isinstance(said, Mapping):
            return self.curves
        usual = Probe(self.evaluate.norm, self.evaluate.smallest_eps())
        return replace(self.curves, **{name: getattr(usual, name) for name in ("norm", "eps") if name not in said})

    def curve(self) -> Probe:
        """The attack behind the accuracy by epoch of each network."""
        return self.curves or Probe(self.evaluate.norm, self.evaluate.smallest_eps())

    def is_small(self) -> bool:
        """Whether a process of one thread is the fastest way to run the network on a CPU."""
        return self.model.arch in SMALL_ARCHITECTURES

    def is_of_files(self) -> bool:
        """Whether the data or a network are the user's own."""
        return super().is_of_files() or self.model.is_code or self.networks.are_given

    def settled(self) -> Self:
        """The same, as they are read from any working folder: paths are absolute."""
        return replace(super().settled(), model=self.model.settled(), networks=self.networks.settled())

    def notes(self) -> list[str]:
        """Sentences on settings that make a run say less than it seems to, or other than the paper."""
        found, rand = [], self.train.rand
        if rand.epochs < PLATEAU:
            found.append(
                f"D_rand's schedule here, {rand.epochs} epochs at a rate of {rand.lr:g}, is too short for the paper's "
                "setting (rate 0.01, about 150 epochs: near chance for 30 of them, then it learns): not the same "
                "experiment."
            )
        if self.train.det.augment:
            found.append("D_det is trained with augmentation here; the paper's is not.")
        return found


def _old_rule(rule: Json) -> Iterator[str]:
    """What a rule of matching has of versions before, where one record held the fields of all rules."""
    if not isinstance(rule, Mapping) or "name" not in rule:
        return
    said = str(rule["name"])
    name = RENAMED.get(said, said)
    if name != said:
        yield f'match.rule.name = "{said}": is called "{name}" now'
    fields_of = {str(known): {field.name for field in fields(kind)} for known, kind in RULES.items()}
    for key in rule:
        if key not in fields_of.get(name, set(rule)) and any(key in names for names in fields_of.values()):
            yield f"match.rule.{key}: is none of the rule {name}'s; leave it out"


def _recipes(section: Json) -> Fields:
    """A full recipe for each network: what `[train]` shares, overridden by the network's own table."""
    if not isinstance(section, Mapping):
        raise FeatsplitError(f"train = {section!r}: must be a table")
    shared = {key: value for key, value in section.items() if not isinstance(value, Mapping)}
    own = {key: value for key, value in section.items() if isinstance(value, Mapping)}
    return {**own, **{name: {**shared, **own.get(name, {})} for name in NETWORKS}}
