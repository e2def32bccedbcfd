"""The settings of the study: the data, which experiments, and what decides the numbers of each."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

from featsplit.data.places import absolute, path_of
from featsplit.data.sources import DataSpec, describe
from featsplit.engine.study import StudySettings
from featsplit.errors import FeatsplitError, unknown
from featsplit.metadata.plain import Fields
from featsplit.studies.goodfellow2015.logistic.settings import Logistic

EXPERIMENTS = ("logistic",)


@dataclass(frozen=True, kw_only=True)
class Settings(StudySettings):
    """Everything that decides the numbers of a run, but for the seeds.

    `experiments`: "logistic" (sections 4 and 5, two classes).
    """

    study: str = "goodfellow2015"
    data: DataSpec
    experiments: tuple[str, ...] = EXPERIMENTS
    logistic: Logistic = field(default_factory=Logistic)

    known_experiments: ClassVar[tuple[str, ...]] = EXPERIMENTS

    def check(self) -> None:
        """Raise FeatsplitError for the first setting out of its range."""
        for name in self.experiments:
            if name not in self.known_experiments:
                raise unknown("experiments", name, self.known_experiments)
        if not self.experiments:
            raise FeatsplitError(f"experiments: is empty; give some of {', '.join(self.known_experiments)}")
        self.logistic.check()

    def data_of(self, seed: int) -> DataSpec:
        """The data of `seed`: it decides which images the limits and the holdout take."""
        return _of_seed(self.data, seed)

    def two_classes(self, seed: int) -> DataSpec:
        """The data of logistic regression: all test images of its two classes."""
        own = self.logistic
        two = replace(self.data, classes=own.classes, resize=own.resize, limit=own.limit, limit_test=None)
        return _of_seed(two, seed)

    def plain(self) -> Fields:
        """The settings as JSON values."""
        return {**super().plain(), "data": describe(self.data)}

    def settled(self) -> "Settings":
        """The same, as they are read from any working folder: the path of the data is absolute."""
        return replace(self, data=replace(self.data, source=absolute(self.data.source)))

    def source(self) -> DataSpec:
        """The data of seed 0."""
        return self.data

    def is_of_files(self) -> bool:
        """Whether the data are the user's own."""
        return path_of(self.data.source) is not None


def _of_seed(spec: DataSpec, seed: int) -> DataSpec:
    drawn = spec.limit or spec.limit_test or spec.holdout
    return replace(spec, seed=spec.seed + seed) if drawn else spec
