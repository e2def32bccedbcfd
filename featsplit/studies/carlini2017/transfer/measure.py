"""Examples of each confidence made on a network of one half of the images, and what networks of the other half say."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import torch

from featsplit.attacks import Nearest, carlini_wagner_l2
from featsplit.data.images import digest_of
from featsplit.engine.cache import kept_rows
from featsplit.engine.jobs import Job, Worker
from featsplit.models import Classifier
from featsplit.models.checkpoints import state_digest
from featsplit.outcomes import packed
from featsplit.runtime import frozen
from featsplit.studies.carlini2017.networks import Network, ensure_network
from featsplit.studies.carlini2017.place import Attacked, Place, attacked_images
from featsplit.studies.carlini2017.rows import CarliniRow
from featsplit.studies.carlini2017.searching import found_row, in_pieces
from featsplit.studies.carlini2017.settings import Settings

SOURCE = Network(half=1)
"""On which the examples are made."""


def others(settings: Settings) -> list[Network]:
    """The networks of the other half, which share no training image with it."""
    return [Network(half=2), Network("distilled", settings.hottest, half=2)]


def networks_of(settings: Settings) -> list[Network]:
    """All that are needed."""
    return [SOURCE, Network("start", half=2), *others(settings)]


def jobs_in(place: Place) -> list[Job]:
    """A job for each confidence, the largest first."""
    needs = tuple(network.key(place.seed) for network in (SOURCE, *others(place.settings)))
    return [
        Job(f"seed{place.seed}/confidence {kappa:g}", MeasureTransfer(place, kappa), needs)
        for kappa in reversed(place.settings.transfer.confidences)
    ]


@dataclass(frozen=True)
class MeasureTransfer:
    """Examples with and without a target that the source predicts with confidence `kappa`, and what others predict."""

    place: Place
    kappa: float

    def __call__(self, worker: Worker) -> Sequence[CarliniRow]:
        """For each aim a row of the source, and one of each other network."""
        place, settings = self.place, self.place.settings
        with place.stage(worker, f"confidence {self.kappa:g}") as says:
            source = ensure_network(worker, place, SOURCE)
            models = {network.name: ensure_network(worker, place, network) for network in others(settings)}
            attacked = attacked_images(source, place.data(worker).test, settings.transfer.images)
            depends_on: dict[str, object] = {"models": [state_digest(model) for model in (source, *models.values())]}
            depends_on |= {"images": attacked.images, "targets": attacked.targets.tolist(), "kappa": self.kappa}
            depends_on |= {**asdict(replace(settings.transfer, confidences=())), "seed": place.seed}
            path = place.folder(worker) / "rows" / f"confidence-{self.kappa:g}.json"
            rows = kept_rows(path, depends_on, lambda: self._measured(worker, source, models, attacked))
            says(", ".join(f"{row['accuracy']:.2f}" for row in rows if "to" in row))
        return rows

    def _measured(
        self, worker: Worker, source: Classifier, models: dict[str, Classifier], attacked: Attacked
    ) -> list[CarliniRow]:
        settings, machine, rows = self.place.settings.transfer, worker.machine, list[CarliniRow]()
        network = frozen(source, machine.exact)
        with torch.no_grad():
            size = float(network(attacked.inputs.to(machine.device)).abs().sum(dim=1).mean())
        for targeted, labels in ((True, attacked.targets), (False, attacked.labels)):
            find = partial(
                carlini_wagner_l2, network, steps=settings.steps_of(self.kappa), rounds=settings.rounds,
                step_size=settings.step_size, constant=0.1, confidence=self.kappa, targeted=targeted,
            )  # fmt: skip
            nearest = in_pieces(find, attacked.inputs, labels, machine)
            first: CarliniRow = {
                "experiment": "transfer", "training": SOURCE.name, "attack": "carlini-wagner", "norm": "l2",
                "eps": None, "kappa": self.kappa, "case": "average" if targeted else "untargeted", "logits": size,
                "seed": self.place.seed,
            }  # fmt: skip
            rows.append(found_row(first | {"images": attacked.images}, nearest.distance, nearest.calls))
            for name, model in models.items():
                rows.append({**first, "to": name, **_transferred(model, attacked, nearest, targeted=targeted)})
        return rows


def _transferred(model: Classifier, attacked: Attacked, nearest: Nearest, *, targeted: bool) -> CarliniRow:
    """Of the examples that reached their confidence, of images that `model` predicts rightly: which it falls for."""
    with torch.no_grad():
        clean, moved = (model(images).argmax(dim=1) for images in (attacked.inputs, nearest.inputs))
    counted = nearest.success & (clean == attacked.labels)
    fooled = (moved == attacked.targets) if targeted else (moved != attacked.labels)
    right, images = fooled[counted], digest_of(attacked.inputs[counted])[:16]
    share = float(right.float().mean()) if len(right) else 0.0
    return {"n": len(right), "accuracy": share, "outcomes": packed(right), "images": images}
