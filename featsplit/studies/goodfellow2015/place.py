"""Where a job of one seed finds its data and networks, and keeps what it makes."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import torch

from featsplit.data.images import ImageData, digest_of
from featsplit.engine.cache import kept_rows
from featsplit.engine.jobs import Worker
from featsplit.errors import FeatsplitError
from featsplit.evaluation import Probe
from featsplit.files import json_digest
from featsplit.models import Classifier, build, load_model, read_metadata, save_model
from featsplit.models.checkpoints import decisive, state_digest, versions
from featsplit.studies.given import take
from featsplit.studies.goodfellow2015.networks import Network
from featsplit.studies.goodfellow2015.rows import UNCLIPPED, NetworkRow
from featsplit.studies.goodfellow2015.settings import Settings
from featsplit.studies.goodfellow2015.training import fit
from featsplit.training.looks import counts_of


@dataclass(frozen=True)
class Place:
    """A run of one `seed` with its `settings`."""

    settings: Settings
    seed: int

    def key(self, name: str) -> str:
        """The key of its job `name`."""
        return f"seed{self.seed}/{name}"


class Stage:
    """What the jobs in a `place` share, carried out by a `worker`."""

    def __init__(self, worker: Worker, place: Place) -> None:
        self.worker, self.settings, self.seed = worker, place.settings, place.seed
        self.folder = worker.folder / f"seed{place.seed}"

    @cached_property
    def data(self) -> ImageData:
        """The images of the run's own size."""
        return self.data_of(None)

    def data_of(self, size: int | None) -> ImageData:
        """The images of a `size`, or of the run's own."""
        return self.worker.data(self.settings.data_of(self.seed, size=size))

    def network(self, network: Network) -> Classifier:
        """The network, which has been trained."""
        factory = self.settings.networks.factory_of(network.given, network.spec.arch)
        return load_model(self.folder / network.file, factory=factory).to(self.worker.machine.device)

    def ensure_trained(self, network: Network) -> Classifier:
        """The network, trained as it says, or as it was given; taken up where it is there."""
        data, path = self.data_of(network.size), self.folder / network.file
        if network.given is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            role = "adversarial" if network.way.moved == "fgsm" else "standard"
            take(Path(network.given), role, path, data, factory=self.settings.networks.factory)
            return self.network(network)
        content: dict[str, object] = {"way": asdict(network.way), "recipe": network.recipe.plain(), "data": data.digest}
        content |= {"spec": asdict(network.spec), "seed": network.seed(self.seed), "versions": decisive()}
        key = json_digest(content)
        if _key_of(path) == key:
            return self.network(network)
        model = build(network.spec, shape=data.shape, classes=len(data.classes), seed=network.seed(self.seed))
        if network.spec.arch == "linear":
            torch.nn.init.zeros_(model.head.weight)
            torch.nn.init.zeros_(model.head.bias)
        probe = Probe("linf", self.settings.eps, steps=1)
        seed = network.seed(self.seed)
        history = fit(model, data, network.way, network.recipe, seed=seed, title=network.name, probe=probe)
        path.parent.mkdir(parents=True, exist_ok=True)
        extra = {"key": key, "trained_on": data.name, "data_digest": data.digest, "class_names": data.classes}
        told: dict[str, object] = {"recipe": network.told.plain(), "versions": versions()}
        told |= {"history": history, "counts": counts_of(data, probe), "probe": asdict(probe)}
        save_model(model, path, spec=network.spec, extra={**extra, **content, **told})
        return self.network(network)

    def ensure_rows(
        self,
        stem: str,
        models: Sequence[Classifier],
        depends_on: Mapping[str, object],
        measure: Callable[[], list[NetworkRow]],
    ) -> list[NetworkRow]:
        """The rows that `measure` gives, kept in the file `stem` while the `models`, data and the rest are the same."""
        began, fresh = time.perf_counter(), list[NetworkRow]()
        path = self.folder / "rows" / f"{stem}.json"
        path.parent.mkdir(parents=True, exist_ok=True)

        def measured() -> list[NetworkRow]:
            fresh.extend({**row, "seed": self.seed} for row in measure())
            return fresh

        settings = {**self.settings.plain(), "name": None, "experiments": None, "logistic": None}
        del settings["networks"]  # the digests of the models tell of them, and rows from before it was a setting count
        keyed = {"models": [state_digest(model) for model in models], "seed": self.seed, "data": self.data.digest}
        rows = list(kept_rows(path, {**settings, **keyed, **depends_on}, measured))
        if fresh:
            self.tell(f"measure {stem}", began=began, figures=_figures(rows))
        return rows

    def tell(self, what: str, *, began: float, figures: str) -> None:
        """A line for a stage that `began` and has ended."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.worker.tell(self.folder, f"seed {self.seed}", what, began=began, figures=figures)


def _key_of(path: Path) -> str | None:
    """The key of the checkpoint at `path`; None where there is none that can be read."""
    try:
        return read_metadata(path).key
    except FeatsplitError:
        return None


def _figures(rows: Sequence[NetworkRow]) -> str:
    shown = [row for row in rows if row.get("attack") in ("none", UNCLIPPED) and "split" not in row]
    names = {"none": "clean", UNCLIPPED: "fast"}
    errors = [f"{names[row['attack']]} error {1 - row['accuracy']:.3f}" for row in (*shown[:1], *shown[-1:])]
    return ", ".join(errors) or f"{len(rows)} rows"


def images_of(images: torch.Tensor) -> str:
    """What says in a row which images it is of."""
    return digest_of(images)[:16]
