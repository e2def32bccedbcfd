"""The settings of the discussion's experiments, besides those of the paper."""

from dataclasses import dataclass
from typing import ClassVar

from featsplit.errors import check_count
from featsplit.studies import ilyas2019
from featsplit.studies.ilyas2019.settings import EXPERIMENTS


@dataclass(frozen=True)
class Discussion:
    """What the discussion of the paper adds.

    `ensemble`: how many other networks a bug is to leave as they were. `early_epochs`: how long the network is trained
    whose wrong predictions are learned from. `images` and `steps` of the audit's PGD; it is at the smallest eps of
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


@dataclass(frozen=True, kw_only=True)
class Settings(ilyas2019.Settings):
    """Those of the paper, and of its discussion.

    `experiments` may have besides "audit" (how useful and how robust each unit is, and each layer), "leakage", "bugs"
    (perturbations that do not transfer) and "mislabelled".
    """

    study: str = "distill2019"
    discussion: Discussion = Discussion()

    known_experiments: ClassVar[tuple[str, ...]] = (*EXPERIMENTS, "audit", "leakage", "bugs", "mislabelled")
    sections: ClassVar[tuple[str, ...]] = (*ilyas2019.Settings.sections, "discussion")

    def check(self) -> None:
        """Raise FeatsplitError for the first setting out of its range."""
        super().check()
        self.discussion.check()
