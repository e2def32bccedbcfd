"""What the discussion of the paper adds to a run (distill.pub/2019/advex-bugs-discussion), each as rows."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from featsplit.data.images import digest_of
from featsplit.evaluation import Attack, Row, layer_robustness, leaked_accuracy, usefulness
from featsplit.evaluation.usefulness import LEVEL
from featsplit.experiment.plan import LEAKED, fellows_of, sets_of
from featsplit.experiment.stages import Stages, about, kept_rows, network, set_file, split_of
from featsplit.metadata.sets import read_set_metadata
from featsplit.models.checkpoints import state_digest
from featsplit.runtime import accuracy


def audit(stages: Stages, name: str) -> list[Row]:
    """How useful and how robust each unit and logit of the network after the @ is, and how far its layers move."""
    own, plan, asked = name.partition("@")[2], stages.experiment.evaluate, stages.experiment.discussion
    model, split = network(stages, own), stages.data.test
    how: dict[str, Any] = {"norm": plan.norm, "eps": min(eps for eps in plan.eps if eps)}
    how |= {"images": asked.images, "steps": asked.steps, "seed": stages.seed, "device": stages.device}

    def measure() -> list[Row]:
        units = usefulness(model, split, **how, precision=stages.experiment.precision)
        rows = [{"part": "audit", **row} for row in units]
        rows += [{"part": "layers", **row} for row in layer_robustness(model, split, **how)]
        return [{**about(stages, own, row["part"]), "test_set": "source", **row} for row in rows]

    hang_on = {**how, "device": "", "level": LEVEL, "model": state_digest(model), "images": digest_of(split.images)}
    return kept_rows(stages, f"audit-{own}", {**hang_on, "labels": digest_of(split.labels), **asdict(asked)}, measure)


def leakage(stages: Stages, name: str) -> list[Row]:
    """What a linear classifier on the features of the robust linear network learns from each relabelled set.

    The source itself comes first: all that these features can tell.
    """
    model = network(stages, "linear")
    sets = [name for name in sets_of(stages.experiment) if name in LEAKED]
    digests = {name: dict(read_set_metadata(set_file(stages, name)).digests) for name in sets}

    def measure() -> list[Row]:
        rows = []
        for name in ("source", *sets):
            train = stages.data.train if name == "source" else split_of(stages, name)
            found = leaked_accuracy(model, train, stages.data.test)
            of = {**about(stages, "linear", "leakage"), "train_set": name, "test_set": "source"}
            of |= {**Attack().fields(), "n": len(stages.data.test), "seed": stages.seed}
            rows.append({**of, "accuracy": found})
        return rows

    hang_on = {"model": state_digest(model), "data": stages.data.digest, "sets": digests}
    return kept_rows(stages, "leakage", hang_on, measure)


def transfer_of_sets(stages: Stages, name: str) -> list[Row]:
    """How often a fresh network, that no perturbation knew, reads the new labels of D_det and of its bugs."""
    judge = fellows_of(stages.experiment)[-1]
    model, rows = network(stages, judge), list[Row]()
    for name in ("det", "det-bugs"):
        split = split_of(stages, name)
        of = {**about(stages, judge, "bugs"), "test_set": f"{name}:train", **Attack().fields()}
        rows.append({**of, "n": len(split), "seed": stages.seed, "accuracy": accuracy(model, split)})
    return rows


DISCUSSION: dict[str, Callable[[Stages, str], list[Row]]] = {
    "audit": audit,
    "leakage": leakage,
    "fresh": transfer_of_sets,
}
"""The jobs that measure it, by what stands before the @."""
