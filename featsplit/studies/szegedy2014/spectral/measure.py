"""The bound of each layer, the gains that there are, and the certified radii beside the distances found."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch

from featsplit.attacks import closest
from featsplit.data.images import Split, digest_of
from featsplit.engine.cache import kept_rows
from featsplit.engine.jobs import Worker
from featsplit.evaluation.spectral import certified_radii, layer_bounds, local_gains
from featsplit.files import nothing_written_since
from featsplit.geometry import lengths
from featsplit.models import Classifier
from featsplit.models.checkpoints import state_digest
from featsplit.outcomes import IDENTITY, packed, packed_numbers
from featsplit.randomness import torch_generator
from featsplit.runtime import frozen
from featsplit.studies.szegedy2014.convolutional import Arm, file_of, network
from featsplit.studies.szegedy2014.rows import SzegedyRow
from featsplit.studies.szegedy2014.stages import Place, Stages

STEPS = 100
"""Of the attack that looks for the nearest adversarial image."""


@dataclass(frozen=True)
class MeasureSpectral:
    """Bound the network of `arm`, and attack it."""

    place: Place
    arm: Arm

    def __call__(self, worker: Worker) -> Sequence[SzegedyRow]:
        """A row of each layer, and one of the whole network."""
        began, stages, settings = time.perf_counter(), Stages(worker, self.place), self.place.settings
        model = network(stages, self.arm)
        depends_on = {"model": state_digest(model), "data": stages.convolutional_data.digest, "seed": self.place.seed}
        depends_on |= {"bounded": settings.bounded, "arm": self.arm, "steps": STEPS}
        path = stages.folder / "spectral" / f"{self.arm}.json"
        rows = kept_rows(path, depends_on, lambda: self._rows(stages, model))
        figures = f"product {rows[-1]['product']:.0f}, gain {rows[-1]['gain']:.1f}"
        worker.tell(
            stages.folder,
            f"seed {self.place.seed}",
            f"spectral {self.arm}",
            began=began,
            figures=figures,
            kept=nothing_written_since(began),
        )
        return rows

    def _rows(self, stages: Stages, model: Classifier) -> list[SzegedyRow]:
        about = {"experiment": "spectral", "train_set": "source", "training": self.arm, "seed": stages.seed}
        about |= {"architecture": file_of(self.arm), "split": "test"}
        bounds = layer_bounds(model)
        layers = [
            {**about, "layer": bound.name, "depth": depth, "spectral_norm": bound.norm, "reshaped": bound.reshaped}
            for depth, bound in enumerate(bounds)
        ]
        whole = self._whole(stages, model, math.prod(bound.norm for bound in bounds))
        return [cast(SzegedyRow, row) for row in (*layers, {**about, **whole})]

    def _whole(self, stages: Stages, model: Classifier, product: float) -> SzegedyRow:
        """Of the whole network: what it is guaranteed, and what an attack finds."""
        split = drawn(stages)
        inputs, labels, ready = split.inputs(), split.labels, frozen(model, stages.worker.machine.exact)
        found = closest(ready, inputs, labels, norm="l2", steps=STEPS)
        with torch.no_grad():
            clean = ready(inputs)
            moved = lengths(ready(found.inputs) - clean, "l2")
        attacked = found.success & (found.distance > 0)
        reached = (moved[attacked] / found.distance[attacked]).max() if bool(attacked.any()) else torch.zeros(())
        right = clean.argmax(dim=1) == labels
        return {
            "product": product,
            "gain": float(local_gains(ready, inputs).max()),
            "reached": float(reached),
            "certified": packed_numbers(certified_radii(ready, inputs, labels, bound=product)),
            "distances": packed_numbers(found.distance),
            "n": len(split),
            "accuracy": float(right.float().mean()),
            "outcomes": packed(right),
            "images": digest_of(split.images)[:IDENTITY],
        }


def drawn(stages: Stages) -> Split:
    """The test images that are attacked, drawn by the seed."""
    test = stages.convolutional_data.test
    order = torch.randperm(len(test), generator=torch_generator(stages.seed, "szegedy2014/bounded"))
    return test.take(order[: stages.settings.bounded].sort().values)
