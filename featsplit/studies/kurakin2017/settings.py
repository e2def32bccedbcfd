"""The settings of the study: the data, two networks, the sizes of the attacks in 255ths, and what is measured."""

from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from featsplit.engine.study import DataStudySettings, check_experiments
from featsplit.errors import FeatsplitError, check_count
from featsplit.models.build import SMALL_ARCHITECTURES, ModelSpec
from featsplit.studies.given import GivenStandard
from featsplit.training import Recipe

EXPERIMENTS = ("methods", "transformations", "photographs", "storage")
SOURCE, OTHER = ModelSpec("vgg7"), ModelSpec("resnet8")


@dataclass(frozen=True, kw_only=True)
class Settings(DataStudySettings):
    """Everything that decides the numbers of a run, but for the seeds.

    `model` is attacked, or the network that is given (`networks`); `other`, trained by the same recipe `train`, is
    shown what was made for it. `eps` are the sizes of "methods", in 255ths as all that follow: `transformed` those of
    "transformations", `photographed` those of "photographs", `stored` those of "storage". `pairs` are photographed at
    random in each case, as in the paper, beside all images; `gate` is the probability from which a prediction is taken.
    `nearest` test images are those of the minimum-norm attacks of "storage".
    """

    study: str = "kurakin2017"
    model: ModelSpec = SOURCE
    other: ModelSpec = OTHER
    networks: GivenStandard = field(default_factory=GivenStandard)
    train: Recipe
    experiments: tuple[str, ...] = EXPERIMENTS
    eps: tuple[int, ...] = (2, 4, 8, 16, 32, 64, 128)
    transformed: tuple[int, ...] = (4, 8, 16)
    photographed: tuple[int, ...] = (4, 8)
    stored: tuple[int, ...] = (8,)
    pairs: int = 102
    gate: float = 0.8
    nearest: int = 300

    known_experiments: ClassVar[tuple[str, ...]] = EXPERIMENTS

    def check(self) -> None:
        """Raise FeatsplitError for the first setting out of its range."""
        self.data.check()
        self.model.check("model")
        self.other.check("other")
        self.train.check("train")
        check_experiments(self.experiments, self.known_experiments)
        for name in ("eps", "transformed", "photographed", "stored"):
            _check_levels(name, getattr(self, name))
        for name in ("pairs", "nearest"):
            check_count(name, getattr(self, name))
        if not 0 < self.gate < 1:
            raise FeatsplitError(f"gate = {self.gate:g}: must be between 0 and 1, a probability")

    def levels(self) -> list[int]:
        """The sizes at which examples are made, the largest first: those of every experiment that is chosen."""
        of = {"methods": self.eps, "transformations": self.transformed, "photographs": self.photographed}
        return sorted({one for name in self.experiments for one in of.get(name, ())}, reverse=True)

    def is_small(self) -> bool:
        """Whether a process of one thread is the fastest way to run both networks on a CPU."""
        return {self.model.arch, self.other.arch} <= set(SMALL_ARCHITECTURES)

    def is_of_files(self) -> bool:
        """Whether the data or a network are the user's own."""
        code = any(one.is_code for one in (self.model, self.other))
        return super().is_of_files() or code or self.networks.are_given

    def settled(self) -> Self:
        """The same, as they are read from any working folder: paths are absolute."""
        return replace(super().settled(), networks=self.networks.settled())


def _check_levels(name: str, levels: tuple[int, ...]) -> None:
    if not levels:
        raise FeatsplitError(f"{name}: is empty; give sizes in 255ths, such as [4, 8]")
    if len(set(levels)) < len(levels):
        raise FeatsplitError(f"{name} = {list(levels)}: give each once")
    for one in levels:
        if not 1 <= one <= 255:
            raise FeatsplitError(f"{name} = {one}: must be from 1 to 255, in 255ths of the range of a pixel")
