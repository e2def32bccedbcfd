"""Ensembles of maxout networks, and what other networks say of the examples that fool one."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from featsplit.attacks.objectives import Network as Map
from featsplit.engine.jobs import Worker
from featsplit.outcomes import packed
from featsplit.runtime import batches, frozen
from featsplit.studies.goodfellow2015.examine import BATCH, about, attack_fields, outcome_row
from featsplit.studies.goodfellow2015.networks import ensemble, plain, rbf, softmax
from featsplit.studies.goodfellow2015.place import Place, Stage, images_of
from featsplit.studies.goodfellow2015.rows import UNCLIPPED, NetworkRow
from featsplit.studies.goodfellow2015.tops import fast, seen


def averaged(networks: Sequence[Map]) -> Map:
    """The log of the mean of the probabilities that `networks` give: its softmax is that mean."""

    def network(inputs: Tensor) -> Tensor:
        return torch.stack([one(inputs).log_softmax(dim=1) for one in networks]).logsumexp(dim=0)

    return network


@dataclass(frozen=True)
class Ensemble:
    """Several maxout networks whose probabilities are averaged, on examples made for all of them or for one."""

    place: Place

    def __call__(self, worker: Worker) -> list[NetworkRow]:
        """Rows clean, and on both kinds of examples, not clipped."""
        stage = Stage(worker, self.place)
        members = ensemble(stage.settings)
        models = [stage.network(one) for one in members]

        def measure() -> list[NetworkRow]:
            together = averaged([frozen(model) for model in models])
            first: NetworkRow = {**about(members[0], side=models[0].shape[-1]), "model": "ensemble"}
            fields = attack_fields(UNCLIPPED, stage.settings.eps)
            clean: NetworkRow = {**attack_fields("none"), **_predicted(stage, together, None)}
            all_, one = (_predicted(stage, together, source) for source in (together, frozen(models[0])))
            rows: list[NetworkRow] = [
                clean,
                {**fields, **all_, "made_for": "ensemble"},
                {**fields, **one, "made_for": members[0].name},
            ]
            return [{**first, **row, "experiment": "alternatives"} for row in rows]

        return stage.ensure_rows("ensemble", models, {}, measure)


def _predicted(stage: Stage, network: Map, source: Map | None) -> NetworkRow:
    test, right, confidence = stage.data.test, list[Tensor](), list[Tensor]()
    for rows in batches(len(test), BATCH):
        inputs, labels = test.inputs(rows), test.labels[rows]
        moved = inputs if source is None else fast(source, inputs, labels, eps=stage.settings.eps, clip=False)
        found = seen(network, moved, "softmax")
        right.append(found.predicted == labels)
        confidence.append(found.confidence)
    return outcome_row(torch.cat(right), torch.cat(confidence), test)


@dataclass(frozen=True)
class Agree:
    """How often softmax regression and RBF units give the examples that fool the maxout network its wrong class."""

    place: Place

    def __call__(self, worker: Worker) -> list[NetworkRow]:
        """Of each a row over the images that fool the maxout network, and one over those that fool both."""
        stage = Stage(worker, self.place)
        networks = plain(stage.settings), softmax(stage.settings), rbf(stage.settings)
        models = [stage.network(one) for one in networks]

        def measure() -> list[NetworkRow]:
            test, source, eps = stage.data.test, frozen(models[0]), stage.settings.eps
            moved = torch.cat(
                [fast(source, test.inputs(r), test.labels[r], eps=eps, clip=False) for r in batches(len(test), BATCH)]
            )
            deep, shallow, units = (
                seen(frozen(model), moved, one.way.top).predicted for model, one in zip(models, networks, strict=True)
            )
            labels, images = test.labels, images_of(test.images)
            pairs = (
                ("softmax", shallow, "maxout", deep),
                ("rbf", units, "maxout", deep),
                ("rbf", units, "softmax", shallow),
            )
            rows = list[NetworkRow]()
            for name, own, other, theirs in pairs:
                fields: NetworkRow = {**about(networks[1]), "model": name, "architecture": name, "made_for": other}
                fields |= attack_fields(UNCLIPPED, eps)
                for which, of in (("of its", theirs != labels), ("of both", (theirs != labels) & (own != labels))):
                    same = (own == theirs)[of]
                    row: NetworkRow = {**fields, "experiment": f"agreement {which}", "n": int(of.sum())}
                    row |= {"accuracy": float(same.float().mean()) if len(same) else 0.0, "outcomes": packed(same)}
                    rows.append({**row, "images": f"{images} {which} {digest(of)}"})
            return [row for row in rows if row["n"]]

        return stage.ensure_rows("agree", models, {}, measure)


def digest(chosen: Tensor) -> str:
    """What says in a row which images were `chosen`."""
    return images_of(chosen)
