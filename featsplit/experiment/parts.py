"""What a run measures beyond its six networks: the paper's other tables and figures, each as rows."""

from collections.abc import Callable
from dataclasses import asdict, replace

import torch

from featsplit.attacks import LOSSES
from featsplit.data.augment import augment
from featsplit.data.images import Split, digest_of
from featsplit.data.planted import is_planted, kept, planted_from, truth_of
from featsplit.evaluation import Attack, Row, accuracy_by_steps, accuracy_transferred
from featsplit.experiment.plan import MADE, closest, recipe_of, set_of
from featsplit.experiment.stages import (
    IDENTITY,
    Stages,
    about,
    built,
    evaluated,
    history_of,
    kept_rows,
    network,
    split_of,
)
from featsplit.models.checkpoints import state_digest
from featsplit.randomness import torch_generator
from featsplit.runtime import batches


def splits(stages: Stages, name: str) -> list[Row]:
    """Table 8: D_R's network on D_R's own training images, on a D_R made of the test images, and on the test set."""
    name = closest(stages.experiment)
    model = network(stages, name)
    built(stages, name, network(stages, "adversarial"), split="test")
    own = split_of(stages, name)
    few = own.take(_spread(len(own), len(stages.data.test)))
    sets = {f"{name}:train": few, f"{name}:test": split_of(stages, name, "test"), "source": stages.data.test}
    attacks = stages.experiment.evaluate.attacks()
    return [
        row
        for test, split in sets.items()
        for row in evaluated(stages, name, model, test, split, attacks, part="splits")
    ]


def steps(stages: Stages, name: str) -> list[Row]:
    """Figure 8: the accuracy of D_R's network against the number of PGD steps, by cross-entropy and by margin."""
    name, plan, scrutiny = closest(stages.experiment), stages.experiment.evaluate, stages.experiment.scrutiny
    model, split, eps = network(stages, name), _few(stages), min(plan.eps)

    def measure() -> list[Row]:
        found = []
        for loss in LOSSES:
            curve = accuracy_by_steps(
                model,
                split,
                norm=plan.norm,
                eps=eps,
                steps=scrutiny.steps,
                strides=scrutiny.strides,
                loss=loss,
                device=stages.device,
            )
            more = {**about(stages, name, "steps"), "test_set": "source", "seed": stages.seed}
            more["images"] = digest_of(split.images)[:IDENTITY]
            found += [{**more, **row} for row in curve]
        return found

    hang_on = {"scrutiny": asdict(scrutiny), "norm": plan.norm, "eps": eps, **_of(split), "model": state_digest(model)}
    return kept_rows(stages, f"steps-{name}", hang_on, measure)


def autoattack(stages: Stages, name: str) -> list[Row]:
    """PGD and AutoAttack at the smaller eps on the same few test images, of the network after the @."""
    own, plan = name.partition("@")[2], stages.experiment.evaluate
    attacks = [*replace(plan, eps=(min(plan.eps),)).attacks(), Attack("autoattack", plan.norm, min(plan.eps))]
    return evaluated(stages, own, network(stages, own), "source", _few(stages), attacks, part="autoattack")


def transferred(stages: Stages, name: str) -> list[Row]:
    """Figures 3 and 13: what adversarial examples of the network behind D_det do to networks of each architecture."""
    plan, source = stages.experiment.perturb, network(stages, "standard")
    names = {arch: f"standard@{arch}" for arch in stages.experiment.architectures}
    others = {arch: network(stages, other) for arch, other in names.items()}

    def measure() -> list[Row]:
        rows = []
        for targeted, test in ((False, "transferred"), (True, "transferred:next")):
            found = accuracy_transferred(
                source,
                others,
                stages.data.test,
                targeted=targeted,
                norm=plan.norm,
                eps=plan.eps,
                steps=plan.steps,
                step_size=plan.step_size,
                device=stages.device,
                precision=stages.experiment.precision,
            )
            for arch, row in found.items():
                of = about(stages, names[arch], "architectures")
                rows.append({**of, "test_set": test, "seed": stages.seed, **row})
        return rows

    hang_on = {"perturb": asdict(plan), **_of(stages.data.test), "source": state_digest(source)}
    hang_on["others"] = {arch: state_digest(model) for arch, model in others.items()}
    return kept_rows(stages, "transferred", hang_on, measure)


def by_epoch(stages: Stages, name: str) -> list[Row]:
    """Figure 10: accuracy by epoch on what the network is trained on, as it sees it, and on the test set."""
    own, of = set_of(name), about(stages, name, "epochs")
    sizes = {"train": len(stages.data.train), "test": len(stages.data.test)}
    return [
        {**of, "test_set": test, **Attack().fields(), "epoch": epoch, "n": sizes[which], "seed": stages.seed}
        | {"accuracy": seen[f"{which}_accuracy"]}
        for epoch, seen in enumerate(history_of(stages, name), start=1)
        for which, test in (("train", f"{own}:train"), ("test", "source"))
    ]


def construction(stages: Stages, name: str, summary: dict[str, float]) -> list[Row]:
    """Of a perturbed set: how often, and how surely, its maker reads the new label: as found, stored and augmented.

    Augmented as in training on the set. Where it is judged, how often the adversarially trained network reads it too,
    before and after. `confidence` is the mean probability of the new label.
    """
    made, n = MADE[name], len(stages.data.train)
    if made.method != "perturb":
        return []
    found = {"found": (summary["success"], summary["confidence"]), "augmented": _augmented(stages, name)}
    found["stored"] = summary["success_stored"], summary["confidence_stored"]
    rows = [
        {**_reading(stages, made.network, f"{name}:{when}", n), "accuracy": share, "confidence": confidence}
        for when, (share, confidence) in found.items()
    ]
    if made.control:
        for when in ("before", "after"):
            share = summary[f"control_{when}"]
            rows.append({**_reading(stages, "adversarial", f"{name}:{when}", n), "accuracy": share})
    return rows


def planted(stages: Stages, name: str) -> list[Row]:
    """Of a set made of planted data: the share of each component's class signal that it `kept`."""
    source = stages.experiment.data.source
    if not is_planted(source):
        return []
    found = kept(split_of(stages, name), stages.data.train, truth_of(planted_from(source)))
    of = {**about(stages, name, "planted"), "test_set": f"{name}:train", **Attack().fields()}
    of |= {"n": len(stages.data.train), "seed": stages.seed}
    return [
        {**of, "component": component, "kept": share, "error": error} for component, (share, error) in found.items()
    ]


def _reading(stages: Stages, reader: str, test_set: str, n: int) -> Row:
    of = about(stages, reader, "construction")
    return {**of, "test_set": test_set, **Attack().fields(), "n": n, "seed": stages.seed}


def _augmented(stages: Stages, name: str) -> tuple[float, float]:
    """How often, and how surely, the maker of set `name` reads the new label in images augmented as in training."""
    model, split = network(stages, MADE[name].network), split_of(stages, name)
    names = recipe_of(stages.experiment, name).augment
    generator = torch_generator(stages.seed, f"augmented/{name}")
    right, sure = 0, 0.0
    for rows in batches(len(split), 500):
        inputs = augment(split.inputs(rows), names, generator=generator).to(stages.device)
        with torch.no_grad():
            chances, labels = model(inputs).softmax(dim=1).cpu(), split.labels[rows]
        right += int((chances.argmax(1) == labels).sum())
        sure += float(chances.gather(1, labels[:, None]).sum())
    return right / len(split), sure / len(split)


def _few(stages: Stages) -> Split:
    """Some of the test images, spread over them: the same for every network."""
    return stages.data.test.take(_spread(len(stages.data.test), stages.experiment.scrutiny.images))


def _spread(total: int, count: int) -> torch.Tensor:
    return torch.linspace(0, total - 1, min(count, total)).long()


def _of(split: Split) -> dict[str, str]:
    return {"images": digest_of(split.images), "labels": digest_of(split.labels)}


MEASURES: dict[str, Callable[[Stages, str], list[Row]]] = {
    "splits": splits,
    "steps": steps,
    "autoattack": autoattack,
    "transferred": transferred,
}
"""The jobs that only measure, by what stands before the @."""
