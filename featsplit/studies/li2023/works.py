"""What the jobs do: train by labels, train without them, take what is given, make a set."""

import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from featsplit.data.images import ImageData, digest_of
from featsplit.data.shards import count_of
from featsplit.engine.jobs import Worker
from featsplit.errors import FeatsplitError
from featsplit.evaluation import Attack
from featsplit.files import json_digest, replacing
from featsplit.metadata.derived_sets import DerivedSet
from featsplit.models.build import build
from featsplit.models.checkpoints import decisive, load_model_for, read_metadata, save_model, versions
from featsplit.rows import Row
from featsplit.runtime import accuracy
from featsplit.studies.ilyas2019.building import Making, ensure_set
from featsplit.studies.ilyas2019.networks import Network
from featsplit.studies.ilyas2019.stages import Place, Stages
from featsplit.studies.ilyas2019.tested import TestSet
from featsplit.studies.ilyas2019.works import MakeShard
from featsplit.studies.li2023.settings import Settings
from featsplit.training.contrastive import train_simclr
from featsplit.training.probing import fit_head


@dataclass(frozen=True)
class Learn:
    """Train `network` on its set by the labels, and evaluate it; its rows are of the `experiment`."""

    place: Place
    network: Network
    experiment: str

    def __call__(self, worker: Worker) -> list[Row]:
        """Its rows on the test set, clean and under each attack."""
        stages = Stages(worker, self.place)
        stages.ensure_trained(self.network)
        return _evaluated(stages, self.network, self.experiment, together=True)


@dataclass(frozen=True)
class Pretrain:
    """Train `network` on its set without the labels, fit its head by them, and evaluate it."""

    place: Place
    network: Network

    def __call__(self, worker: Worker) -> list[Row]:
        """Its rows on the test set, clean and under each attack."""
        stages = Stages(worker, self.place)
        _ensure_pretrained(stages, self.network)
        return _evaluated(stages, self.network, self.network.experiment)


@dataclass(frozen=True)
class Take:
    """Take the encoder that the user gives, as it is, and evaluate it."""

    place: Place
    network: Network

    def __call__(self, worker: Worker) -> list[Row]:
        """Its rows on the test set, clean and under each attack."""
        stages = Stages(worker, self.place)
        path, given = stages.network_file(self.network), Path(self.network.given or "")
        try:
            load_model_for(given, stages.data, factory=stages.settings.networks.factory)
        except FeatsplitError as error:
            raise FeatsplitError(f"encoders: {error} (of your own code: networks.factory)") from error
        if not path.is_file() or read_metadata(path) != read_metadata(given):
            with replacing(path) as partial:
                shutil.copyfile(given, partial)
        return _evaluated(stages, self.network, self.network.experiment)


@dataclass(frozen=True)
class Derive:
    """Make the set `derived` through the encoder `maker`."""

    place: Place
    derived: DerivedSet
    maker: Network

    def __call__(self, worker: Worker) -> list[Row]:
        """Of images that were moved to a class, a row on how often the encoder predicts it."""
        stages = Stages(worker, self.place)
        summary = ensure_set(stages, Making(self.derived, self.maker))
        if self.derived.made_by.method == "match":
            return []
        row: Row = {**stages.about(self.maker, "construction"), **TestSet(self.derived.name, "train").fields()}
        row = {**row, **Attack().fields(), "n": len(stages.data.train), "seed": stages.seed}
        return [{**row, "accuracy": summary["success_stored"]}]

    def parts(self, worker: Worker) -> list[MakeShard]:
        """A shard each; none where there is but one."""
        count = count_of(worker.count(self.place.settings.data), worker.shard)
        shards = range(count if count > 1 else 0)
        return [MakeShard(self.place, self.derived, self.maker, (), number) for number in shards]


def _evaluated(stages: Stages, network: Network, experiment: str, *, together: bool = False) -> list[Row]:
    attacks, test = stages.settings.evaluate.attacks(), stages.data.test
    return stages.ensure_evaluated(network, TestSet(), test, attacks, experiment=experiment, together=together)


def _ensure_pretrained(stages: Stages, network: Network) -> None:
    """Train `network` without labels and fit its head, unless the same was done before."""
    began, path, settings = time.perf_counter(), stages.network_file(network), stages.settings
    assert isinstance(settings, Settings)
    data = _data_of(stages, network)
    seed = network.seed(stages.seed)
    decided_by = {
        "simclr": asdict(settings.simclr),
        "probe": asdict(settings.probe),
        "model": network.spec.plain(),
        "images": digest_of(data.train.images),
        "labels": digest_of(data.train.labels),
        "seed": seed,
        "precision": "bfloat16" if stages.machine.half else "float32",
        "versions": decisive(),
    }
    key = json_digest(decided_by)
    resume = path.with_name(f".{path.name}.training")
    if path.is_file() and read_metadata(path).key == key:
        resume.unlink(missing_ok=True)  # left by a kill after the last epoch
        return
    encoder = build(network.spec, shape=data.shape, classes=0, seed=seed)
    title = f"seed {stages.seed} {network.name}"
    history = train_simclr(
        encoder, data.train, settings.simclr, seed=seed, machine=stages.machine, resume=resume, title=title
    )
    model = fit_head(encoder, data, settings.probe, seed=seed, machine=stages.machine)
    clean = accuracy(model.to(stages.machine.device), data.test)
    extra = {
        **{name: decided_by[name] for name in ("seed", "precision")},
        "versions": versions(),
        "key": key,
        "trained_on": data.name,
        "data_digest": data.digest,
        "class_names": list(data.classes),
        "recipe": {"simclr": asdict(settings.simclr), "probe": asdict(settings.probe), "adversary": None},
        "history": history,
        "results": {"test_accuracy": clean},
    }
    save_model(model.cpu(), path, spec=network.spec, extra=extra)
    resume.unlink(missing_ok=True)
    stages.tell(f"train {network.name}", began=began, figures=f"loss {history[-1]['loss']:.3f}, clean {clean:.3f}")


def _data_of(stages: Stages, network: Network) -> ImageData:
    """What `network` learns of, with the source's test images."""
    if network.train_set == "source":
        return stages.data
    return replace(stages.data, name=network.train_set, train=stages.split(network.train_set))
