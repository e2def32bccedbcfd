"""What the adversarially trained network and the plain one do with each other's examples; and how local filters are."""

from dataclasses import dataclass

import torch
from torch import Tensor

from featsplit.engine.jobs import Worker
from featsplit.models import Classifier
from featsplit.runtime import frozen
from featsplit.studies.goodfellow2015.examine import about, attack_fields, mean_row, predicted
from featsplit.studies.goodfellow2015.networks import adversarial, plain
from featsplit.studies.goodfellow2015.place import Place, Stage
from featsplit.studies.goodfellow2015.rows import UNCLIPPED, NetworkRow
from featsplit.studies.goodfellow2015.tops import fast

TOP = 0.1
"""The share of the pixels of a filter whose energy is told."""


@dataclass(frozen=True)
class Compare:
    """The plain and the adversarially trained network: each on the other's examples, and the filters of both."""

    place: Place

    def __call__(self, worker: Worker) -> list[NetworkRow]:
        """A row for each on the other's examples, and one for the filters of each."""
        stage = Stage(worker, self.place)
        pair = plain(stage.settings), adversarial(stage.settings)
        models = [stage.network(one) for one in pair]

        def measure() -> list[NetworkRow]:
            eps, rows = stage.settings.eps, list[NetworkRow]()
            fields = attack_fields(UNCLIPPED, eps)
            for own, other in ((0, 1), (1, 0)):
                first, source = about(pair[own], side=models[own].shape[-1]), frozen(models[other])

                def made(inputs: Tensor, labels: Tensor, source: Classifier = source) -> Tensor:
                    return fast(source, inputs, labels, eps=eps, clip=False)

                moved = predicted(models[own], stage.data.test, "softmax", made)
                rows.append({**first, **fields, **moved, "made_for": pair[other].name, "experiment": "adversarial"})
                local = mean_row("energy in a tenth of the pixels", energy(first_weights(models[own])))
                rows.append({**first, **local, "experiment": "adversarial"})
            return rows

        return stage.ensure_rows("compare", models, {}, measure)


def first_weights(model: Classifier) -> Tensor:
    """The weights of the first layer, (filters, pixels)."""
    return next(layer.weight.detach() for layer in model.modules() if isinstance(layer, torch.nn.Linear))


def energy(filters: Tensor) -> Tensor:
    """The share of each filter's sum of squares that lies in the `TOP` of its pixels with most, (F,) of (F, n)."""
    squares = filters.square().sort(dim=1, descending=True).values
    count = max(1, round(TOP * filters.shape[1]))
    return squares[:, :count].sum(dim=1) / squares.sum(dim=1).clamp_min(1e-12)
