"""What the discussion of the paper measures, each as rows."""

from dataclasses import asdict, dataclass
from typing import cast

from featsplit.data.images import digest_of
from featsplit.engine.jobs import Worker
from featsplit.evaluation import Attack, Probe, layer_robustness, usefulness
from featsplit.evaluation.usefulness import LEVEL
from featsplit.metadata.sets import read_set_metadata
from featsplit.models.checkpoints import state_digest
from featsplit.rows import Row
from featsplit.runtime import accuracy
from featsplit.studies.distill2019.leakage import leaked_rows
from featsplit.studies.distill2019.settings import Discussion
from featsplit.studies.ilyas2019.networks import Network
from featsplit.studies.ilyas2019.stages import Place, Stages
from featsplit.studies.ilyas2019.tested import TestSet


@dataclass(frozen=True)
class Audit:
    """How useful and how robust each unit and logit of `network` is, and how far its layers move."""

    place: Place
    network: Network
    discussion: Discussion

    def __call__(self, worker: Worker) -> list[Row]:
        """A row for each unit and logit, and one for each layer."""
        stages = Stages(worker, self.place)
        evaluation, eps = stages.settings.evaluate, stages.settings.evaluate.smallest_eps()
        model, split, images = stages.network(self.network), stages.data.test, self.discussion.images
        probe = Probe(evaluation.norm, eps, images, self.discussion.steps)

        def measure() -> list[Row]:
            units = usefulness(model, split, probe, seed=stages.seed, machine=stages.machine)
            layers = layer_robustness(model, split, probe, seed=stages.seed, machine=stages.machine)
            return [
                *(cast(Row, {**stages.about(self.network, "audit"), **TestSet().fields(), **row}) for row in units),
                *(cast(Row, {**stages.about(self.network, "layers"), **TestSet().fields(), **row}) for row in layers),
            ]

        depends_on = {"norm": evaluation.norm, "eps": eps, "seed": stages.seed, **asdict(self.discussion)}
        digests = {"model": state_digest(model), "images": digest_of(split.images), "labels": digest_of(split.labels)}
        stem = f"audit-{self.network.name}"
        return stages.ensure_rows(stem, {**depends_on, "level": LEVEL, "test": digests}, measure)


@dataclass(frozen=True)
class Leakage:
    """What a linear classifier on the features of the robust network `linear` learns from each of the `sets`.

    The source itself comes first: all that these features can tell.
    """

    place: Place
    linear: Network
    sets: tuple[str, ...]

    def __call__(self, worker: Worker) -> list[Row]:
        """A row for the source and for each set."""
        stages = Stages(worker, self.place)
        model, data = stages.network(self.linear), stages.data
        digests = {name: read_set_metadata(stages.set_file(name)).digests for name in self.sets}

        def measure() -> list[Row]:
            return leaked_rows(model, data, {name: stages.split(name) for name in self.sets}, seed=stages.seed)

        depends_on = {"model": state_digest(model), "data": data.digest, "sets": digests}
        return stages.ensure_rows("leakage", depends_on, measure)


@dataclass(frozen=True)
class TransferOfBugs:
    """How often a `fresh` network, that no perturbation knew, predicts the new labels of D_det and of its bugs."""

    place: Place
    fresh: Network

    def __call__(self, worker: Worker) -> list[Row]:
        """A row for each of the two sets."""
        stages = Stages(worker, self.place)
        model, rows = stages.network(self.fresh), list[Row]()
        for name in ("det", "det-bugs"):
            split = stages.split(name)
            first: Row = {**stages.about(self.fresh, "bugs"), **TestSet(name, "train").fields(), **Attack().fields()}
            rows.append({**first, "n": len(split), "seed": stages.seed, "accuracy": accuracy(model, split)})
        return rows
