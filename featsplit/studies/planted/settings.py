"""The settings of the sweep: those of a run of the paper on planted data, and the amplitudes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from featsplit.data.planted import Planted, is_planted, planted_from
from featsplit.data.sources import DataSpec
from featsplit.errors import FeatsplitError
from featsplit.studies import ilyas2019
from featsplit.studies.ilyas2019.planted import known_sets
from featsplit.training import Adversary


@dataclass(frozen=True, kw_only=True)
class Settings(ilyas2019.Settings):
    """Those of the paper on planted data, for each of the `amplitudes` of the non-robust component."""

    study: str = "planted"
    amplitudes: tuple[float, ...] = (0.015, 0.03, 0.06, 0.1, 0.15)

    known_experiments: ClassVar[tuple[str, ...]] = ()

    def check(self) -> None:
        """Raise FeatsplitError for the first setting out of its range."""
        if self.experiments:
            raise FeatsplitError(f"experiments = {list(self.experiments)}: planted has none; leave them out")
        super().check()
        if not is_planted(self.data.source):
            raise FeatsplitError(f'data.source = "{self.data.source}": must be planted; only there the truth is known')
        names = [f"{amplitude:g}" for amplitude in self.amplitudes]
        if not names or len(set(names)) < len(names):
            raise FeatsplitError(f"amplitudes = {list(self.amplitudes)}: give one or more, each once")
        for amplitude in self.amplitudes:
            self.planted(amplitude).check("amplitudes")

    def source(self) -> DataSpec | None:
        """None: each amplitude has data of its own."""
        return None

    def notes(self) -> list[str]:
        """None: what a run says less than the paper does not touch what is planted."""
        return []

    def planted(self, amplitude: float) -> Planted:
        """What is planted where the non-robust component has this `amplitude`."""
        return replace(planted_from(self.data.source), nonrobust=amplitude)

    def at(self, amplitude: float) -> ilyas2019.Settings:
        """The settings of the run whose non-robust component has this `amplitude`."""
        base = self.data.source if ":" in self.data.source else f"{self.data.source}:"
        return replace(self, data=replace(self.data, source=f"{base},nonrobust={amplitude:g}"))

    def adversary(self) -> Adversary:
        """The adversary of the robust network."""
        found = self.train.adversarial.adversary
        assert found is not None, "checked when the settings were read"
        return found

    def known_sets(self, amplitude: float) -> Sequence[str]:
        """The sets of which it is known what they keep where the non-robust component has this `amplitude`."""
        return known_sets(self.planted(amplitude), self.adversary(), self.perturb)
