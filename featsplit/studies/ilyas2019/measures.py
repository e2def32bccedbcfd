"""What a run measures beyond its six networks: the paper's other tables and figures, each as rows."""

from dataclasses import asdict, dataclass, replace

import torch

from featsplit.attacks import LOSSES
from featsplit.data.images import Split, digest_of
from featsplit.engine.jobs import Worker
from featsplit.evaluation import Attack, accuracy_by_steps, accuracy_transferred
from featsplit.metadata.derived_sets import DerivedSet
from featsplit.models.checkpoints import state_digest
from featsplit.outcomes import IDENTITY
from featsplit.records.minimum_norm import MinimumNorm
from featsplit.rows import Row
from featsplit.studies.ilyas2019.building import Making, ensure_set
from featsplit.studies.ilyas2019.networks import Network, maker_of
from featsplit.studies.ilyas2019.stages import Place, Stages
from featsplit.studies.ilyas2019.tested import TestSet


@dataclass(frozen=True)
class Splits:
    """Table 8: the `network` of a D_R on that set's own images, on one made of the test images, and on these."""

    place: Place
    network: Network
    derived: DerivedSet

    def __call__(self, worker: Worker) -> list[Row]:
        """The rows of all three, under each attack."""
        stages, name = Stages(worker, self.place), self.derived.name
        ensure_set(stages, Making(self.derived, maker_of(stages.settings, self.derived), split="test"))
        train = stages.split(name)
        sets = {
            TestSet(name, "train"): train.take(_spread(len(train), len(stages.data.test))),
            TestSet(name, "test"): stages.split(name, "test"),
            TestSet(): stages.data.test,
        }
        attacks = stages.settings.evaluate.attacks()
        return [
            row
            for test, split in sets.items()
            for row in stages.ensure_evaluated(self.network, test, split, attacks, experiment="splits")
        ]


@dataclass(frozen=True)
class Steps:
    """Figure 8: the accuracy of D_R's `network` against the number of PGD steps, by cross-entropy and by margin."""

    place: Place
    network: Network

    def __call__(self, worker: Worker) -> list[Row]:
        """A row for each loss and number of steps."""
        stages = Stages(worker, self.place)
        evaluation, scrutiny = stages.settings.evaluate, stages.settings.scrutiny
        model, split, eps = stages.network(self.network), _few(stages), evaluation.smallest_eps()
        first: Row = {**stages.about(self.network, "steps"), **TestSet().fields(), "seed": stages.seed}
        first["images"] = digest_of(split.images)[:IDENTITY]

        def measure() -> list[Row]:
            return [
                {**first, **row}
                for loss in LOSSES
                for row in accuracy_by_steps(
                    model,
                    split,
                    attack=Attack("pgd", evaluation.norm, eps, scrutiny.steps, loss=loss),
                    relative_step_sizes=scrutiny.relative_step_sizes,
                    machine=stages.machine,
                )
            ]

        depends_on = {"scrutiny": asdict(scrutiny), "norm": evaluation.norm, "eps": eps, "model": state_digest(model)}
        return stages.ensure_rows(f"steps-{self.network.name}", {**depends_on, **_digests(split)}, measure)


@dataclass(frozen=True)
class Distances:
    """How far the nearest adversarial image of each of a few test images is from it, for `network`."""

    place: Place
    network: Network

    def __call__(self, worker: Worker) -> list[Row]:
        """All distances in the norm of the run's attack, as a row; at each of its eps the accuracy by these, and by it.

        It is run on the same images: it should fool none that is further away than its eps.
        """
        stages = Stages(worker, self.place)
        evaluation = stages.settings.evaluate
        attack = MinimumNorm("closest", evaluation.norm, eps=tuple(eps for eps in evaluation.eps if eps))
        attacks: list[Attack | MinimumNorm] = [*evaluation.attacks()[1:], attack]
        return stages.ensure_evaluated(self.network, TestSet(), _few(stages), attacks, experiment="distance")


@dataclass(frozen=True)
class Autoattack:
    """PGD and AutoAttack at the smallest eps on the same few test images, of `network`."""

    place: Place
    network: Network

    def __call__(self, worker: Worker) -> list[Row]:
        """The rows of both, and of clean images."""
        stages = Stages(worker, self.place)
        evaluation, eps = stages.settings.evaluate, stages.settings.evaluate.smallest_eps()
        attacks = [*replace(evaluation, eps=(eps,)).attacks(), Attack("autoattack", evaluation.norm, eps)]
        return stages.ensure_evaluated(self.network, TestSet(), _few(stages), attacks, experiment="autoattack")


@dataclass(frozen=True)
class Transferred:
    """Figures 3 and 13: what adversarial examples of the network behind D_det (`source`) do to `others`.

    Those are networks of other architectures, by name.
    """

    place: Place
    source: Network
    others: tuple[tuple[str, Network], ...]

    def __call__(self, worker: Worker) -> list[Row]:
        """A row for each architecture, untargeted and targeted (labels "next")."""
        stages = Stages(worker, self.place)
        perturb, source = stages.settings.perturb, stages.network(self.source)
        others = {arch: stages.network(network) for arch, network in self.others}

        def measure() -> list[Row]:
            rows: list[Row] = []
            for test in (TestSet("transferred"), TestSet("transferred", labels="next")):
                found = accuracy_transferred(
                    source,
                    others,
                    stages.data.test,
                    targeted=test.labels == "next",
                    attack=Attack("pgd", perturb.norm, perturb.eps, perturb.steps, perturb.step_size),
                    machine=stages.machine,
                )
                for arch, network in self.others:
                    first: Row = {**stages.about(network, "architectures"), **test.fields(), "seed": stages.seed}
                    if arch in found:
                        rows.append({**first, **found[arch]})
            return rows

        depends_on = {"perturb": asdict(perturb), **_digests(stages.data.test), "source": state_digest(source)}
        digests = {arch: state_digest(model) for arch, model in others.items()}
        return stages.ensure_rows("transferred", {**depends_on, "others": digests}, measure)


def _few(stages: Stages) -> Split:
    """Some of the test images, spread over them: the same for every network."""
    return stages.data.test.take(_spread(len(stages.data.test), stages.settings.scrutiny.images))


def _spread(total: int, count: int) -> torch.Tensor:
    return torch.linspace(0, total - 1, min(count, total)).long()


def _digests(split: Split) -> dict[str, str]:
    return {"images": digest_of(split.images), "labels": digest_of(split.labels)}
