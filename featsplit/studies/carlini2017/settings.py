"""The settings of the study: data, networks, and what each experiment may cost."""

from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from featsplit.engine.study import DataStudySettings, check_experiments
from featsplit.errors import FeatsplitError, check_count, check_positive
from featsplit.models.build import SMALL_ARCHITECTURES, ModelSpec
from featsplit.studies.given import GivenStandard
from featsplit.training import Recipe, SoftRecipe

EXPERIMENTS = ("objectives", "cases", "distillation", "transfer", "pictures")

CW, SOFT = ModelSpec("cw"), SoftRecipe()
TABLE_2 = Recipe(epochs=50, batch_size=128, lr=0.01, nesterov=True, weight_decay=0.0, schedule="constant")
"""How the authors' code trains; Table II has a rate of .1 for MNIST."""


@dataclass(frozen=True)
class Search:
    """How long the attacks of Carlini and Wagner and the others may look for the nearest images.

    `steps` are Adam's in each of `rounds` values of c, and before c is doubled in l0 and linf; `step_size` is Adam's,
    in l0 too, and half of it in linf. `closest` and `sparse` are the passes of the two attacks of those names.
    """

    steps: int = 1000
    rounds: int = 9
    step_size: float = 0.01
    closest: int = 100
    sparse: int = 300

    def check(self, place: str) -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        for name in ("steps", "rounds", "closest", "sparse"):
            check_count(f"{place}.{name}", getattr(self, name))
        check_positive(f"{place}.step_size", self.step_size)


@dataclass(frozen=True)
class Objectives:
    """The seven objectives in three boxes on `images`, the first `all_targets` of them towards every class.

    And f6, with c fixed, at each of `constants` on `fixed` images; f4 too, at each power of ten from the least of them
    to 10,000 times the largest. `steps` are Adam's in each of `rounds`.
    """

    images: int = 50
    all_targets: int = 20
    fixed: int = 50
    steps: int = 1000
    rounds: int = 9
    step_size: float = 0.01
    constants: tuple[float, ...] = (0.01, 0.0316, 0.1, 0.316, 1.0, 3.16, 10.0, 31.6, 100.0)


@dataclass(frozen=True)
class Cases:
    """All K - 1 targets for each of `images`, by every attack."""

    images: int = 20


@dataclass(frozen=True)
class Distillation:
    """Networks distilled at each of `temperatures`, the first being 1, attacked on `images`.

    `eps` is that of the fast and the iterative method, in linf, on `attacked` images. L-BFGS has `lbfgs` images; with a
    target, and on Z / T, where it takes its time, an eighth of them.
    """

    temperatures: tuple[float, ...] = (1.0, 5.0, 10.0, 20.0, 40.0, 100.0)
    attacked: int = 500
    eps: float = 0.15
    images: int = 30
    lbfgs: int = 10


@dataclass(frozen=True)
class Transfer:
    """Examples of each of `confidences`, made on `images`; `steps` of Adam a round, twice as many at confidence 20."""

    images: int = 50
    confidences: tuple[float, ...] = (0.0, 5.0, 10.0, 20.0, 40.0)
    steps: int = 500
    rounds: int = 7
    step_size: float = 0.02

    def steps_of(self, confidence: float) -> int:
        """More for images that have further to go."""
        return round(self.steps * (1 + confidence / 20))


@dataclass(frozen=True, kw_only=True)
class Settings(DataStudySettings):
    """Everything that decides the numbers of a run, but for the seeds.

    `train` is how the network of the objectives and of the cases is trained, unless it is given (`networks`), and the
    two of the halves; `distill` how
    teachers and students are. `experiments` are "objectives" (Table III, Figure 2), "cases" (Table IV), "distillation"
    (Table VI, and Papernot 2016), "transfer" (Figures 9 and 10) and "pictures" (Figures 1 and 3 to 5, of the others).
    """

    study: str = "carlini2017"
    model: ModelSpec = CW
    networks: GivenStandard = field(default_factory=GivenStandard)
    train: Recipe = TABLE_2
    distill: SoftRecipe = SOFT
    search: Search = Search()
    objectives: Objectives = Objectives()
    cases: Cases = Cases()
    distillation: Distillation = Distillation()
    transfer: Transfer = Transfer()
    experiments: tuple[str, ...] = EXPERIMENTS

    known_experiments: ClassVar[tuple[str, ...]] = EXPERIMENTS

    def check(self) -> None:
        """Raise FeatsplitError for the first setting out of its range."""
        check_experiments(self.experiments, self.known_experiments)
        if "pictures" in self.experiments and "cases" not in self.experiments:
            raise FeatsplitError('experiments "pictures": draws what "cases" finds; add that')
        self.model.check()
        self.train.check()
        if self.train.adversary is not None:
            raise FeatsplitError("train.adversary: there is none in this study; leave it out")
        self.distill.check()
        self.search.check("search")
        self._check_counts()
        self._check_sizes()

    def _check_counts(self) -> None:
        counts = {"objectives": ("images", "all_targets", "fixed", "steps", "rounds"), "cases": ("images",)}
        counts |= {"distillation": ("attacked", "images", "lbfgs"), "transfer": ("images", "steps", "rounds")}
        for section, names in counts.items():
            for name in names:
                check_count(f"{section}.{name}", getattr(getattr(self, section), name))
        for section in ("objectives", "transfer"):
            check_positive(f"{section}.step_size", getattr(self, section).step_size)
        for constant in self.objectives.constants:
            check_positive("objectives.constants", constant)

    def _check_sizes(self) -> None:
        temperatures, confidences = self.distillation.temperatures, self.transfer.confidences
        if not 0 < self.distillation.eps <= 1:
            raise FeatsplitError(
                f"distillation.eps = {self.distillation.eps:g}: must be above 0 and at most 1, in linf"
            )
        if temperatures[:1] != (1.0,) or list(temperatures) != sorted(set(temperatures)) or len(temperatures) < 3:
            rule = "must be 1 and at least two more, ascending; the first is compared with"
            raise FeatsplitError(f"distillation.temperatures = {list(temperatures)}: {rule}")
        if list(confidences) != sorted(set(confidences)) or len(confidences) < 2 or confidences[0] < 0:
            rule = "must be two or more, at least 0, ascending"
            raise FeatsplitError(f"transfer.confidences = {list(confidences)}: {rule}")
        if list(self.objectives.constants) != sorted(set(self.objectives.constants)):
            raise FeatsplitError(f"objectives.constants = {list(self.objectives.constants)}: must ascend")

    @property
    def hottest(self) -> float:
        """The largest temperature, that of the distilled networks of the cases and of transfer."""
        return self.distillation.temperatures[-1]

    def is_small(self) -> bool:
        """Whether a process of one thread is the fastest way to run its networks on a CPU."""
        return self.model.arch in SMALL_ARCHITECTURES

    def is_of_files(self) -> bool:
        """Whether the data or the network are the user's own."""
        return super().is_of_files() or self.model.is_code or self.networks.are_given

    def settled(self) -> Self:
        """The same, as they are read from any working folder: paths are absolute."""
        return replace(super().settled(), networks=self.networks.settled())
