"""The stages of a run, each keyed by what goes into it: work that is done is taken up, not done again."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

from torch import Tensor

from featsplit.data.derived import load_split
from featsplit.data.images import ImageData, Split, digest_of
from featsplit.engine.cache import kept_rows
from featsplit.engine.jobs import Worker
from featsplit.engine.several import in_ranks
from featsplit.evaluation import Attack, evaluate
from featsplit.files import nothing_written_since
from featsplit.metadata.models import ModelMetadata
from featsplit.models.checkpoints import load_model, read_metadata, state_digest
from featsplit.models.classifier import Classifier
from featsplit.outcomes import IDENTITY
from featsplit.records.minimum_norm import MinimumNorm
from featsplit.rows import Row
from featsplit.runtime import Machine
from featsplit.studies.given import take
from featsplit.studies.ilyas2019.networks import Network
from featsplit.studies.ilyas2019.settings import Settings
from featsplit.studies.ilyas2019.tested import SplitName, TestSet
from featsplit.training import ensure_trained


@dataclass(frozen=True)
class Place:
    """A run of one `seed` with its `settings`, in the folder "seedN" of `folder`, inside that of all seeds."""

    settings: Settings
    seed: int
    folder: str = ""

    @property
    def path(self) -> str:
        """Its folder, as a text with slashes."""
        return f"{self.folder}/seed{self.seed}".lstrip("/")

    def key(self, name: str) -> str:
        """The key of its job `name`."""
        return f"{self.path}/{name}"


class Stages:
    """The stages of a run of one seed in its `place`, carried out by a `worker`."""

    def __init__(self, worker: Worker, place: Place) -> None:
        self.worker, self.place = worker, place
        self.settings, self.seed = place.settings, place.seed
        self.machine = worker.machine
        self.folder = worker.folder / place.path
        self.folder.mkdir(parents=True, exist_ok=True)

    @cached_property
    def data(self) -> ImageData:
        """The source."""
        return self.worker.data(self.settings.data)

    def tell(self, what: str, *, began: float, figures: str, kept: bool = False) -> None:
        """A line for a stage that `began` and has ended, with its time, or that it was `kept`."""
        self.worker.tell(self.folder, f"seed {self.seed}", what, began=began, figures=figures, kept=kept)

    def network_file(self, network: Network) -> Path:
        """Where `network` lies."""
        return self.folder / network.file

    def network(self, network: Network) -> Classifier:
        """The network, which has been trained."""
        return load_model(self.network_file(network), factory=self._factory(network)).to(self.machine.device)

    def _factory(self, network: Network) -> str:
        """The code that may be run to build `network`, if it is the user's own."""
        given = network.given is not None and self.settings.networks.factory
        return given or network.spec.arch

    def about(self, network: Network, experiment: str) -> Row:
        """The fields of a row that say what `network` is and learned from, how, and what it was measured for."""
        given = network.given is not None
        return {
            "experiment": experiment,
            "train_set": network.train_set,
            "training": network.training,
            "architecture": read_metadata(self.network_file(network)).arch if given else network.spec.arch,
        }

    def ensure_trained(self, network: Network) -> Classifier:
        """The network, trained by its recipe on its set, from initial weights of its own; or as it was given."""
        began = time.perf_counter()
        if network.given is not None:
            given, path = Path(network.given), self.network_file(network)
            take(given, network.name, path, self.data, factory=self._factory(network))
            self.tell(f"take {network.name}", began=began, figures=network.given)
            return self.network(network)
        if self.worker.ranks > 1:
            in_ranks(self.worker.ranks, self.machine, _TrainTogether(self.worker, self.place, network))
        metadata = self.trained(network)
        accuracy = f"clean {metadata.results['test_accuracy']:.3f}"
        kept = self.worker.ranks == 1 and nothing_written_since(began)  # other processes may have written
        self.tell(f"train {network.name}", began=began, figures=accuracy, kept=kept)
        return self.network(network)

    def trained(self, network: Network) -> ModelMetadata:
        """Train `network`, unless it is; its metadata."""
        on_source = network.train_set == "source"
        train = self.data.train if on_source else self.split(network.train_set)
        return ensure_trained(
            self.network_file(network),
            replace(self.data, train=train, name=self.data.name if on_source else network.train_set),
            network.spec,
            network.recipe,
            seed=network.seed(self.seed),
            machine=self.machine,
            overwrite=True,
            world=self.worker.ranks,
            probe=self.settings.curve(),
        )

    def set_file(self, name: str, split: SplitName = "train") -> Path:
        """Where the derived set `name` of `split` lies."""
        return self.folder / "sets" / f"{name}{'' if split == 'train' else f'-{split}'}.h5"

    def split(self, name: str, split: SplitName = "train") -> Split:
        """The images and labels of the derived set `name` of `split`."""
        return load_split(self.set_file(name, split))

    def ensure_rows(
        self, stem: str, depends_on: Mapping[str, object], measure: Callable[[], Sequence[Row]], *, title: str = ""
    ) -> list[Row]:
        """The rows that `measure` gives, kept in the file `stem` while the same things decide them.

        Its line of progress calls them by `title`, if given, else by `stem`.
        """
        began, fresh = time.perf_counter(), list[Row]()

        def measured() -> Sequence[Row]:
            fresh.extend(measure())
            return fresh

        rows = list(kept_rows(self.folder / "rows" / f"{stem}.json", depends_on, measured))
        if fresh:
            self.tell(f"evaluate {title or stem}", began=began, figures=_figures(rows))
        return rows

    def ensure_evaluated(
        self,
        network: Network,
        test: TestSet,
        split: Split,
        attacks: Sequence[Attack | MinimumNorm],
        *,
        experiment: str,
        together: bool = False,
    ) -> list[Row]:
        """The rows of `network` on `split`, which `test` names, under each of `attacks`; for an `experiment`.

        If `together`, `split` are images of the source's test split, and the worker's ranks share them.
        """
        images, model = digest_of(split.images), self.network(network)
        own = network.name if experiment == "main" else f"{experiment}-{network.name}"
        stem, shown = f"{own}-{test.stem}", own if test == TestSet() else f"{own}-{test.stem}"
        depends_on = {"attacks": [asdict(a) for a in attacks], "seed": self.seed, "model": state_digest(model)}

        def measure() -> list[Row]:
            title = f"seed {self.seed} {network.name}"
            if together and self.worker.ranks > 1:
                work = _EvaluateTogether(self.worker, self.place, network, split.labels, tuple(attacks), title)
                found = in_ranks(self.worker.ranks, self.machine, work)
            else:
                found = evaluate(model, split, list(attacks), seed=self.seed, machine=self.machine, title=title)
            first: Row = {**self.about(network, experiment), **test.fields(), "images": images[:IDENTITY]}
            return [{**first, **row} for row in found]

        depends_on |= {"images": images, "labels": digest_of(split.labels)}
        return self.ensure_rows(stem, depends_on, measure, title=shown)


def _figures(rows: Sequence[Row]) -> str:
    """The first accuracies among `rows`, clean and by the eps of each attack: "clean 0.994, pgd 0.906 0.372"."""
    found = dict[str, list[str]]()
    for row in [row for row in rows if "epoch" not in row and "accuracy" in row][:5]:
        name = "clean" if row["attack"] == "none" else row["attack"]
        found.setdefault(name, []).append(f"{row['accuracy']:.3f}")
    return ", ".join(f"{name} {' '.join(accuracies)}" for name, accuracies in found.items())


@dataclass(frozen=True)
class _TrainTogether:
    """What each of several processes does that train `network`."""

    worker: Worker
    place: Place
    network: Network

    def __call__(self, machine: Machine) -> None:
        worker = replace(self.worker, machine=machine, ranks=machine.ranks.world)
        Stages(worker, self.place).trained(self.network)


@dataclass(frozen=True)
class _EvaluateTogether:
    """What each of several processes does that evaluate `network` on the source's test images, with these `labels`."""

    worker: Worker
    place: Place
    network: Network
    labels: Tensor
    attacks: tuple[Attack | MinimumNorm, ...]
    title: str

    def __call__(self, machine: Machine) -> list[Row]:
        stages = Stages(replace(self.worker, machine=machine), self.place)
        split = Split(stages.data.test.images, self.labels)
        model, seed = stages.network(self.network), self.place.seed
        return evaluate(model, split, self.attacks, seed=seed, machine=machine, title=self.title)
