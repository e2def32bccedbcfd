"""The networks of a run, each a file of it: normally trained ones, and those of defensive distillation."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F

from featsplit.data.images import ImageData
from featsplit.engine.jobs import Job, Worker
from featsplit.errors import FeatsplitError
from featsplit.evaluation import Probe
from featsplit.files import json_digest
from featsplit.models import Classifier, build, load_model, read_metadata, save_model
from featsplit.models.checkpoints import decisive, versions
from featsplit.randomness import torch_generator
from featsplit.rows import Row
from featsplit.runtime import accuracy
from featsplit.studies.carlini2017.place import Place
from featsplit.studies.given import take
from featsplit.training import SoftRecipe, distill, ensure_trained, train_soft

Kind = Literal["standard", "start", "distilled"]


class Network(NamedTuple):
    """A network of a run: "standard", trained on labels; "start", the one epoch that distillation goes on from; or
    "distilled" at a `temperature`. `half` 1 or 2 has that half of the training images, 0 all.
    """

    kind: Kind = "standard"
    temperature: float = 1.0
    half: int = 0

    @property
    def name(self) -> str:
        """As rows call it."""
        at = f" at {self.temperature:g}" if self.kind == "distilled" else ""
        return f"{self.kind}{at}{f', half {self.half}' if self.half else ''}"

    @property
    def stem(self) -> str:
        """As files call it."""
        return self.name.replace(", ", "-").replace(" ", "-")

    def file(self, seed: int) -> str:
        """Where it lies in the folder of the run."""
        return f"seed{seed}/networks/{self.stem}.safetensors"

    def key(self, seed: int) -> str:
        """The key of the job that trains it."""
        return f"seed{seed}/train {self.name}"

    @property
    def start(self) -> "Network":
        """What a distilled network goes on from."""
        return Network("start", half=self.half)


def training(place: Place, network: Network) -> Job:
    """The job that trains `network`."""
    needs = (network.start.key(place.seed),) if network.kind == "distilled" else ()
    return Job(network.key(place.seed), Train(place, network), needs, (network.file(place.seed),))


@dataclass(frozen=True)
class Train:
    """Train a network, or take it up."""

    place: Place
    network: Network

    def __call__(self, worker: Worker) -> list[Row]:
        """No rows: a checkpoint."""
        with self.place.stage(worker, f"train {self.network.name}") as says:
            model = ensure_network(worker, self.place, self.network)
            says(f"accuracy {accuracy(model, self.place.data(worker).test):.3f}")
        return []


def ensure_network(worker: Worker, place: Place, network: Network) -> Classifier:
    """The `network` of the run, on the CPU in eval mode: from its file if that is of these settings, else trained."""
    path, data = worker.folder / network.file(place.seed), half_of(place.data(worker), network.half, seed=place.seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    seed, settings = place.seed + 1000 * network.half, place.settings
    given = settings.networks.standard if network == Network() else None
    if given is not None:
        factory = settings.networks.factory_of(given, settings.model.arch)
        take(Path(given), "standard", path, data, factory=factory)
        return load_model(path, factory=factory)
    if network.kind == "standard":
        ensure_trained(
            path, data, settings.model, settings.train, seed=seed, machine=worker.machine, overwrite=True,
            probe=Probe("linf", settings.distillation.eps),
        )  # fmt: skip
        return load_model(path, factory=settings.model.arch)
    recipe = replace(settings.distill, epochs=1) if network.kind == "start" else settings.distill
    content = {"network": list(network), "recipe": asdict(recipe), "seed": seed, "data_digest": data.digest}
    content |= {"model": asdict(settings.model), "half_precision": worker.machine.half, "versions": decisive()}
    key = json_digest(content)
    try:
        if read_metadata(path).key == key:
            return load_model(path, factory=settings.model.arch)
    except FeatsplitError:
        pass  # there is none yet, or a damaged one: it is trained now
    model = _learn(worker, place, network, data, recipe, seed)
    extra = {"key": key, "trained_on": data.name, "class_names": list(data.classes), "temperature": network.temperature}
    save_model(model.cpu(), path, spec=settings.model, extra={**content, **extra, "versions": versions()})
    return load_model(path, factory=settings.model.arch)


def half_of(data: ImageData, half: int, *, seed: int) -> ImageData:
    """The data with the first or the second half of its training images, drawn by `seed`; with all of them for 0."""
    if not half:
        return data
    order = torch.randperm(len(data.train), generator=torch_generator(seed, "halves"))
    rows = order.tensor_split(2)[half - 1].sort().values
    return replace(data, train=data.train.take(rows))


def _learn(
    worker: Worker, place: Place, network: Network, data: ImageData, recipe: SoftRecipe, seed: int
) -> Classifier:
    inputs, labels, machine = data.train.images, data.train.labels, worker.machine
    if network.kind == "distilled":
        start = ensure_network(worker, place, network.start)
        return distill(
            start, inputs, labels, temperature=network.temperature, recipe=recipe, seed=seed, machine=machine
        ).student
    model = build(place.settings.model, shape=data.shape, classes=len(data.classes), seed=seed)
    model.normalise_by(data.train.inputs())
    train_soft(model, inputs, F.one_hot(labels, model.classes).float(), recipe=recipe, seed=seed, machine=machine)
    return model
