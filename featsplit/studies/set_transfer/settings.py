"""The settings of a transfer of sets."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from featsplit.data.images import ImageData
from featsplit.data.places import absolute, elsewhere_of, is_derived
from featsplit.data.sources import DataSpec
from featsplit.engine.jobs import Worker
from featsplit.engine.study import StudySettings
from featsplit.errors import FeatsplitError
from featsplit.metadata.sets import read_set_metadata
from featsplit.models.build import SMALL_ARCHITECTURES, ModelSpec, build
from featsplit.records.evaluation import UnderPGD
from featsplit.records.training import TRANSFER, Recipe


@dataclass(frozen=True, kw_only=True)
class Settings(StudySettings):
    """The `sets`, derived ones (.h5) or any data set, the `architectures` and how they are trained and tested.

    `elsewhere` is where the source of the derived sets lies now, None: where their files say.
    """

    study: str = "set_transfer"
    name: str = "transfer"
    sets: tuple[str, ...]
    architectures: tuple[str, ...] = ("resnet8",)
    train: Recipe = TRANSFER
    evaluate: UnderPGD = field(default_factory=UnderPGD)
    elsewhere: str | None = None

    def check(self) -> None:
        """Raise FeatsplitError for the first setting out of its range."""
        self.train.check("train")
        self.evaluate.check()
        for name in self.architectures:
            ModelSpec(name).check("architectures")
        for place, names in (("sets", self.sets), ("architectures", self.architectures)):
            if not names or len(set(names)) < len(names):
                raise FeatsplitError(f"{place} = {list(names)}: give one or more, each once")

    def settled(self) -> Self:
        """The same, as they are read from any working folder: paths are absolute."""
        elsewhere = None if self.elsewhere is None else absolute(self.elsewhere)
        return replace(self, sets=tuple(map(absolute, self.sets)), elsewhere=elsewhere)

    def is_small(self) -> bool:
        """Whether a process of one thread is the fastest way to run the networks on a CPU."""
        return all(name in SMALL_ARCHITECTURES for name in self.architectures)

    def is_of_files(self) -> bool:
        """True: sets are files, which may change."""
        return True

    def tests(self) -> list[str]:
        """The sets that were made of a test split, which every network is tested on."""
        return [name for name in self.sets if is_derived(name) and read_set_metadata(Path(name)).spec.split == "test"]

    def trains(self) -> list[str]:
        """The other sets, which networks are trained on; FeatsplitError where there are none."""
        tests = self.tests()
        found = [name for name in self.sets if name not in tests]
        if not found:
            raise FeatsplitError(f"{', '.join(self.sets)}: all are of a test split; give a set to train on")
        return found

    def load(self, name: str, worker: Worker) -> ImageData:
        """The set called `name`."""
        return worker.data(DataSpec(name), elsewhere=elsewhere_of(name, self.elsewhere, list(self.sets)))

    def check_sets(self, worker: Worker) -> None:
        """Raise FeatsplitError where a set cannot be opened, or an architecture cannot take it; before any training."""
        tests = {name: self.load(name, worker) for name in self.tests()}
        for name in self.trains():
            data = self.load(name, worker)
            for arch in self.architectures:
                model = build(arch, shape=data.shape, classes=len(data.classes))
                for other, test in tests.items():
                    place = f"{other}, to test what {name} is worth"
                    model.expect(place, shape=test.shape, classes=len(test.classes))
