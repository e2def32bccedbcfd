"""The jobs of the experiment: each sends the images of one attack through the chain of `chain`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from featsplit.attacks import closest, rounded
from featsplit.data.images import Split
from featsplit.engine.jobs import Job, Worker
from featsplit.evaluation.seen import Seen
from featsplit.geometry import Norm
from featsplit.models import load_model
from featsplit.models.checkpoints import state_digest
from featsplit.outcomes import packed
from featsplit.runtime import batches, usual_batch
from featsplit.studies.kurakin2017.examples import METHODS, made
from featsplit.studies.kurakin2017.place import Bench, Place, eight_bits
from featsplit.studies.kurakin2017.rows import KurakinRow, share
from featsplit.studies.kurakin2017.storage.chain import STAGES, stages

EXPERIMENT = "storage"
CLOSEST: dict[str, Norm] = {"closest l2": "l2", "closest linf": "linf"}
"""The minimum-norm attack, by its name in rows."""
REPAIRED = ", repaired"
STEPS = 100
"""Of the minimum-norm attack."""


class Images(NamedTuple):
    """Adversarial images as they were found, in float32, and as they are stored, in 8 bits; `repaired` components."""

    found: Tensor
    stored: Tensor
    repaired: float = 0.0


@dataclass(frozen=True)
class Store:
    """Send the images of `method` at eps `levels`/255, or the nearest adversarial ones (0), through the chain."""

    place: Place
    method: str
    levels: int

    def __call__(self, worker: Worker) -> list[KurakinRow]:
        """A row for each stage; of the nearest images also of those that were repaired, and of clean ones."""
        bench, settings = Bench(worker, self.place), self.place.settings
        other = state_digest(load_model(worker.folder / self.place.model_file("other"), factory=settings.other.arch))
        further = {"other": other, "gate": settings.gate, "nearest": settings.nearest}
        depends_on = bench.depends_on(method=self.method, levels=self.levels, **further)
        stem = f"storage-{self.method.replace(' ', '-')}-{self.levels}"
        return list(bench.ensure_rows(stem, depends_on, lambda: list(self._measured(bench))))

    def _measured(self, bench: Bench) -> Iterator[KurakinRow]:
        if self.method in CLOSEST:
            test = few(bench)
            for name, images in nearest(bench, test, self.method).items():
                yield from chained(bench, test, name, images, levels=None)
            return
        if self.method == "none":
            clean = Images(bench.test.inputs(), bench.test.images)
            yield from chained(bench, bench.test, "none", clean, levels=None)
            return
        found = made(bench, self.method, self.levels)
        yield from chained(bench, bench.test, self.method, Images(found, eight_bits(found)), levels=self.levels)


def few(bench: Bench) -> Split:
    """The test images of the minimum-norm attacks."""
    return bench.test.take(torch.arange(min(bench.settings.nearest, len(bench.test))))


def nearest(bench: Bench, test: Split, method: str) -> dict[str, Images]:
    """The nearest adversarial images, by their name in rows: rounded, and rounded and repaired."""
    network, parts = bench.network(), list[tuple[Tensor, Tensor, Tensor]]()
    for rows in batches(len(test), usual_batch(bench.worker.machine, network.shape)):
        inputs, labels = test.inputs(rows).to(bench.device), test.labels[rows].to(bench.device)
        found = closest(network, inputs, labels, norm=CLOSEST[method], steps=STEPS).inputs
        repaired = rounded(network, found, labels)
        parts.append((found.cpu(), repaired.inputs.cpu(), repaired.changed.cpu()))
    found, whole, changed = (torch.cat(part) for part in zip(*parts, strict=True))
    needed = changed[changed > 0].float()
    mean = float(needed.mean()) if len(needed) else 0.0
    return {
        method: Images(found, eight_bits(found)),
        method + REPAIRED: Images(found, eight_bits(whole), mean),
    }


def chained(bench: Bench, test: Split, method: str, images: Images, *, levels: int | None) -> Iterator[KurakinRow]:
    """A row for each stage of the chain: which images both networks predict rightly when clean, and what is left.

    Of those count the ones whose image, as it was found, fools the network that it was made for; of clean ones all.
    """
    source, other = bench.network(), bench.network("other")
    clean = [bench.seen(network, test.images, test.labels).right for network in (source, other)]
    counted = clean[0] & clean[1]
    if method != "none":
        counted = counted & ~bench.seen(source, images.found, test.labels).right
    about: KurakinRow = {**bench.about(EXPERIMENT, method, levels), "repaired": images.repaired}
    for stage, shown in stages(images.found, images.stored).items():
        said = bench.seen(other if stage == STAGES[-1] else source, shown, test.labels)
        yield {**about, **_told(said, counted, gate=bench.settings.gate), "stage": stage}


def _told(said: Seen, counted: Tensor, *, gate: float) -> KurakinRow:
    return {
        "n": len(counted),
        "accuracy": float(said.right.float().mean()),
        "outcomes": packed(said.right),
        "counted": packed(counted),
        "of": int(counted.sum()),
        "rate": share(said.right, counted),
        "accepted": packed(said.confidence >= gate),
    }


def storing(place: Place) -> list[Job]:
    """The jobs of the experiment; those of the minimum-norm attacks first."""
    both = (place.key("source"), place.key("other"))
    alone = [Store(place, method, 0) for method in (*CLOSEST, "none")]
    found = [Job(place.key(f"storage/{work.method}"), work, both) for work in alone]
    for method in METHODS:
        found += [
            Job(place.key(f"storage/{method}-{levels}"), Store(place, method, levels), both)
            for levels in place.settings.stored
        ]
    return found
