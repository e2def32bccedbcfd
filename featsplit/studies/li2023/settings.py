"""The settings of the study: those of a run of the 2019 paper, and how encoders learn without labels."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Self

from featsplit.errors import FeatsplitError
from featsplit.records.contrastive import SimCLR
from featsplit.records.probes import LinearProbe, Ridge
from featsplit.studies import ilyas2019


@dataclass(frozen=True, kw_only=True)
class Settings(ilyas2019.Settings):
    """Those of a run of the 2019 paper, of which D_R and D_rand are made, through each encoder.

    `simclr` is how encoders learn without labels, `probe` how they get a linear head. `encoders` are checkpoints of the
    user's, with heads (featsplit probe), through which sets are made too.
    """

    study: str = "li2023"
    simclr: SimCLR = field(default_factory=SimCLR)
    probe: LinearProbe = field(default_factory=Ridge)
    encoders: tuple[str, ...] = ()

    known_experiments: ClassVar[tuple[str, ...]] = ()

    def check(self) -> None:
        """Raise FeatsplitError for the first setting out of its range."""
        if self.experiments:
            raise FeatsplitError(f"experiments = {list(self.experiments)}: li2023 has none; leave them out")
        super().check()
        self.simclr.check("simclr")
        self.probe.check("probe")
        names = [Path(path).stem for path in self.encoders]
        if len(set(names)) < len(names) or set(names) & {"standard", "adversarial", "simclr", "self-supervised"}:
            raise FeatsplitError(
                f"encoders = {list(self.encoders)}: are called by the names of their files, which must differ from "
                "each other and from standard, adversarial and simclr; rename one"
            )

    def settled(self) -> Self:
        """The same, as they are read from any working folder: paths are absolute."""
        return replace(super().settled(), encoders=tuple(str(Path(path).absolute()) for path in self.encoders))

    def is_of_files(self) -> bool:
        """Whether the data or a network are the user's own."""
        return super().is_of_files() or bool(self.encoders)

    def notes(self) -> list[str]:
        """None: nothing here is compared with the 2019 paper."""
        return []
