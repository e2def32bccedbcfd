"""The jobs that train the networks of Tables 1 to 4, and read them on clean and on noisy images."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from featsplit.data.images import Split, digest_of
from featsplit.engine.cache import kept_rows
from featsplit.engine.jobs import Worker
from featsplit.errors import FeatsplitError
from featsplit.files import json_digest, nothing_written_since
from featsplit.models import Classifier, build, read_metadata, save_model
from featsplit.models.checkpoints import decisive, state_digest, versions
from featsplit.outcomes import IDENTITY, packed
from featsplit.randomness import normal, torch_generator
from featsplit.runtime import batches
from featsplit.studies.szegedy2014 import fitting
from featsplit.studies.szegedy2014.networks import HALVES, Network, TrainSet
from featsplit.studies.szegedy2014.rows import NOISE, SzegedyRow
from featsplit.studies.szegedy2014.stages import Place, Stages

AT_ONCE = 2000


@dataclass(frozen=True)
class TrainNetwork:
    """Train `network`, and read it on clean images and on noisy ones."""

    place: Place
    network: Network

    def __call__(self, worker: Worker) -> Sequence[SzegedyRow]:
        """A row of each split and each noise."""
        began, stages, network = time.perf_counter(), Stages(worker, self.place), self.network
        path, settings = stages.model_path(network.file), self.place.settings
        self._ensure(stages, path)
        model = stages.model(network)
        depends_on: dict[str, object] = {"model": state_digest(model), "data": stages.data.digest}
        depends_on |= {
            "network": asdict(network),
            "seed": self.place.seed,
            "noise": settings.noise,
            "half_noise": settings.half_noise,
        }
        rows = kept_rows(path.with_suffix(".json"), depends_on, lambda: self._rows(stages))
        errors = {row["split"]: 1 - row["accuracy"] for row in rows if row["attack"] == "none"}
        figures = "error " + ", ".join(f"{split} {100 * error:.2f} %" for split, error in errors.items())
        worker.tell(
            stages.folder,
            f"seed {self.place.seed}",
            network.file,
            began=began,
            figures=figures,
            kept=nothing_written_since(began),
        )
        return rows

    def _ensure(self, stages: Stages, path: Path) -> None:
        network, settings, data = self.network, stages.settings, stages.data
        content = {"network": asdict(network), "iterations": settings.iterations, "seed": stages.seed}
        content |= {"encoder_iterations": settings.encoder_iterations} if network.autoencoder else {}
        key = json_digest({**content, "data": data.digest, "versions": decisive()})
        try:
            if read_metadata(path).key == key:
                return
        except FeatsplitError:
            pass  # there is none yet, or a damaged one: it is trained now
        model = self._trained(stages)
        extra = {"key": key, "trained_on": data.name, "data_digest": data.digest, "class_names": data.classes}
        save_model(model, path, spec=network.spec, extra={**extra, "versions": versions()})

    def _trained(self, stages: Stages) -> Classifier:
        network, settings, data = self.network, stages.settings, stages.data
        split, seed = stages.split_of(network.train_set), network.seed(stages.seed)
        model, inputs = build(network.spec, shape=data.shape, classes=len(data.classes), seed=seed), split.inputs()
        if network.autoencoder:
            first = next(layer for layer in model.body.modules() if isinstance(layer, nn.Linear))
            generator = torch_generator(seed, "szegedy2014/decoder")
            flat = inputs.flatten(1)
            fitting.encode(first, flat, iterations=settings.encoder_iterations, generator=generator)
        fitting.fit(
            model, inputs, split.labels, decay=network.decay, iterations=settings.iterations, title=network.name
        )
        return model

    def _rows(self, stages: Stages) -> list[SzegedyRow]:
        """Of the six: training and test images, each noise on both. Of the halves: P1, P2 and the test images."""
        network, settings = stages.ready(self.network), stages.settings
        found = []
        halved = self.network in HALVES
        names: tuple[str, ...] = ("P1", "P2", "test") if halved else ("train", "test")
        for name in names:
            split = stages.data.test if name == "test" else stages.split_of(train_set_of(name))
            sizes = settings.half_noise if halved else settings.noise
            noisy = (0.0, *(() if name in ("P1", "P2") else sizes))
            rights = right_with_noise(network, split, noisy, seed=stages.seed, stage=name)
            images = digest_of(split.images)[:IDENTITY]
            found += [{**self._about(name, size), **counted(right), "images": images} for size, right in rights.items()]
        return [cast(SzegedyRow, row) for row in found]

    def _about(self, split: str, size: float) -> SzegedyRow:
        attack = {"attack": NOISE, "norm": "rms", "eps": size} if size else {"attack": "none", "norm": None, "eps": 0.0}
        about = {**about_network(self.network), "split": split, "seed": self.place.seed, **attack}
        return cast(SzegedyRow, about)


def about_network(network: Network) -> SzegedyRow:
    """The fields of a row that say which network it is of."""
    experiment = "halves" if network in HALVES else "models"
    return {
        "experiment": experiment,
        "train_set": network.train_set,
        "training": network.name,
        "architecture": network.file,
    }


def train_set_of(name: str) -> TrainSet:
    """The training set that the rows of a split called `name` are of."""
    halves: dict[str, TrainSet] = {"P1": "P1", "P2": "P2"}
    return halves.get(name, "source")


def counted(right: Tensor) -> SzegedyRow:
    """How many of the images (N,) are predicted `right`, and which."""
    return {"n": len(right), "accuracy": float(right.float().mean()), "outcomes": packed(right)}


def right_with_noise(
    network: Classifier, split: Split, sizes: Sequence[float], *, seed: int, stage: str
) -> dict[float, Tensor]:
    """Which images of `split` are predicted rightly, (N,) bool, with noise of each standard deviation of `sizes`.

    The noise is not clipped: where an image is black that would make it a shift. It is the same for all networks, and
    for all sizes but for its scale.
    """
    found: dict[float, list[Tensor]] = {size: [] for size in sizes}
    for rows in batches(len(split), AT_ONCE):
        inputs, labels = split.inputs(rows), split.labels[rows]
        drawn = normal(seed, f"szegedy2014/noise/{stage}", rows, tuple(inputs.shape[1:])) if max(sizes) else inputs
        for size, parts in found.items():
            with torch.no_grad():
                parts.append(network(inputs + size * drawn).argmax(dim=1) == labels)
    return {size: torch.cat(parts) for size, parts in found.items()}
