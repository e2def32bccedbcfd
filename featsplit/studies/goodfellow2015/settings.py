"""The settings of the study: which two classes, which ways to train, which eps."""

from dataclasses import dataclass, replace

from featsplit.data.places import absolute, path_of
from featsplit.data.sources import DataSpec, describe
from featsplit.engine.study import StudySettings
from featsplit.errors import FeatsplitError, check_count, check_positive
from featsplit.metadata.plain import Fields
from featsplit.studies.goodfellow2015.logistic import Arm


@dataclass(frozen=True, kw_only=True)
class Settings(StudySettings):
    """Everything that decides the numbers of a run, but for the seeds.

    `data` has two classes; the first is y = -1. `adversarial` are the eps to train against, each with the exact loss
    and with the printed one; `l1` and `l2` the weights of penalties. `eps` are those of the attack, in linf, and
    `steps` those of PGD. `iterations` are the optimiser's, of a loss that has a minimum; without regularisation it has
    none where the classes can be separated, and weights only grow: there the optimiser stops after `early`.
    """

    study: str = "goodfellow2015"
    data: DataSpec
    adversarial: tuple[float, ...] = (0.1, 0.25)
    l1: tuple[float, ...] = (0.0025, 0.025)
    l2: tuple[float, ...] = (0.01,)
    eps: tuple[float, ...] = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
    iterations: int = 100
    early: int = 20
    steps: int = 10

    def check(self) -> None:
        """Raise FeatsplitError for the first setting out of its range."""
        if self.data.classes is None or len(self.data.classes) != 2:
            raise FeatsplitError('data.classes: must be two, the first as y = -1, such as ["3", "7"]')
        for name in ("adversarial", "l1", "l2", "eps"):
            sizes: tuple[float, ...] = getattr(self, name)
            for size in sizes:
                check_positive(name, size)
            if len(set(sizes)) < len(sizes):
                raise FeatsplitError(f"{name} = {list(sizes)}: give each once")
        if not self.eps:
            raise FeatsplitError("eps: is empty; give sizes in linf, such as [0.1, 0.25]")
        for name in ("iterations", "early", "steps"):
            check_count(name, getattr(self, name))

    def arms(self) -> list[Arm]:
        """The ways to train, in the order of the tables."""
        return [
            Arm("plain"),
            *(Arm("adversarial", eps) for eps in self.adversarial),
            *(Arm("l1", size) for size in self.l1),
            *(Arm("l2", size) for size in self.l2),
            *(Arm("as printed", eps) for eps in self.adversarial),
        ]

    def iterations_of(self, arm: Arm) -> int:
        """How many iterations the classifier of `arm` is trained for."""
        return self.early if arm.kind in ("plain", "as printed") else self.iterations

    def data_of(self, seed: int) -> DataSpec:
        """The data of `seed`: it decides which images the limits and the holdout take."""
        drawn = self.data.limit or self.data.limit_test or self.data.holdout
        return replace(self.data, seed=self.data.seed + seed) if drawn else self.data

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

    def notes(self) -> list[str]:
        """That seeds differ by the images that are taken, and by nothing else."""
        drawn = self.data_of(1) != self.data
        return [] if drawn else ["Nothing here is random: without data.limit all seeds are alike, and one says it all."]
