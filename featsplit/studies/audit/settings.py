"""The settings of an audit of given networks."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from featsplit.data.images import ImageData
from featsplit.data.places import absolute
from featsplit.data.sources import DataSpec
from featsplit.engine.jobs import Worker
from featsplit.engine.study import DataStudySettings
from featsplit.errors import FeatsplitError
from featsplit.models.checkpoints import load_model_for, read_metadata
from featsplit.models.classifier import Classifier
from featsplit.models.encoder import cut
from featsplit.records.evaluation import Probe
from featsplit.records.models import SMALL_ARCHITECTURES, ModelSpec, Pool


@dataclass(frozen=True, kw_only=True)
class Settings(DataStudySettings):
    """The `networks` (.safetensors), the `data` on whose test images they are measured, and the `adversary`.

    With a `layer` the networks end there, pooled by `pool`; an encoder needs no head. `factory` is the user's own code
    that they may run, `other_classes` lets them have other classes than the data. `elsewhere` is where the source of a
    derived set lies now, None: where its file says.
    """

    study: str = "audit"
    name: str = "audit"
    networks: tuple[str, ...]
    adversary: Probe = field(default_factory=Probe)
    layer: str | None = None
    pool: Pool | None = None
    factory: tuple[str, ...] = ()
    other_classes: bool = False
    elsewhere: str | None = None

    def check(self) -> None:
        """Raise FeatsplitError for the first setting out of its range."""
        self.data.check()
        self.adversary.check()
        if not self.networks or len(set(self.networks)) < len(self.networks):
            raise FeatsplitError(f"networks = {list(self.networks)}: give one or more, each once")

    def settled(self) -> Self:
        """The same, as they are read from any working folder: paths are absolute."""
        return replace(
            super().settled(),
            networks=tuple(str(Path(path).absolute()) for path in self.networks),
            factory=tuple(ModelSpec(name).settled().arch for name in self.factory),
            elsewhere=None if self.elsewhere is None else absolute(self.elsewhere),
        )

    def source(self) -> DataSpec | None:
        """The data; None where their source lies elsewhere."""
        return self.data if self.elsewhere is None else None

    def is_small(self) -> bool:
        """Whether several processes of one thread are the fastest way: of more than one network, all small."""
        return len(self.networks) > 1 and all(
            read_metadata(Path(path)).arch in SMALL_ARCHITECTURES for path in self.networks
        )

    def is_of_files(self) -> bool:
        """True: networks are files, which may change."""
        return True

    def images(self, worker: Worker) -> ImageData:
        """The data."""
        return worker.data(self.data, elsewhere=self.elsewhere)

    def network(self, path: str, worker: Worker) -> Classifier:
        """The network at `path`; FeatsplitError where it does not take the data."""
        model = load_model_for(
            Path(path), self.images(worker), factory=self.factory, other_classes=self.other_classes, head=False
        )
        return model if self.layer is None else cut(model, self.layer, self.pool, place=path)
