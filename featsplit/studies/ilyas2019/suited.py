"""Settings that suit data and a machine: found from the images, and from a small network that is trained for seconds.

The radii come from two distances: how far the nearest image of another class is, and at which distance a standard
network is fooled. The adversary must be able to fool the standard network with room to spare, and must not be able to
make one class into another.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from featsplit.attacks import deepfool
from featsplit.data.images import ImageData
from featsplit.data.selection import limit_split
from featsplit.engine.settings import as_toml
from featsplit.metadata.plain import Fields
from featsplit.models.build import ModelSpec, build
from featsplit.models.classifier import Classifier
from featsplit.records.data import DataSpec, describe
from featsplit.records.training import Recipe
from featsplit.runtime import Machine, frozen
from featsplit.studies.ilyas2019.estimate import Counts, Pace, expected, pace_of
from featsplit.studies.ilyas2019.settings import Settings
from featsplit.training import train

SMALL, QUICK, LARGE = 12, 20, 40
"""Sides of images up to which they are small; that a CPU can do in minutes; and in an hour, or a GPU in minutes."""
LONG = 1800.0
"""Seconds from which on a budget is long."""
TRIED, STEPS = 1000, 60
"""How many images, and steps, the trial network learns of."""
FOOLED, APART, ADVERSARY = 8.0, 0.75, 2 / 3
"""eps is at most so many times the distance at which a standard network is fooled, and at most such a share of that to
the nearest image of another class; that of adversarial training is the last part of it."""
LENGTHS = {"standard": 1000, "adversarial": 800, "robust": 900, "nonrobust": 900, "rand": 1300, "det": 1300}
"""Steps of SGD that the networks need, as the presets for small images have them."""
TRIES = (
    *((1.0, 2.0), (1.0, 1.5), (1.0, 1.0), (0.7, 1.0), (0.5, 0.9), (0.35, 0.8)),
    *((0.25, 0.7), (0.18, 0.6), (0.12, 0.5), (0.08, 0.4), (0.05, 0.3), (0.03, 0.25)),
)
"""The shares of the images that are tried, and by how many times these lengths, the best first."""
FEWEST = 30
"""Images of a class that are kept at least."""


class Look(NamedTuple):
    """What is seen of data: how many images, `nearest` of another class and `fooled` as distances, and the `pace`.

    `accuracy` is that of the trial network, on the test images.
    """

    counts: Counts
    shape: tuple[int, int, int]
    classes: int
    nearest: float
    fooled: float
    accuracy: float
    pace: Pace


@dataclass(frozen=True)
class Suited:
    """The settings that suit, whole and as a file has them; how long each stage takes, and the whole, in seconds."""

    settings: Settings
    plain: Fields
    stages: dict[str, float]
    seconds: float


def side_of(shape: tuple[int, int, int], machine: Machine, budget: float) -> int | None:
    """The side that images of `shape` are to be brought to in a `budget` of seconds; None: they stay as they are.

    A whole part of their own side where there is one, so that each pixel is the mean of a box.
    """
    most = LARGE if budget >= LONG else QUICK
    most = most if machine.kind == "cpu" else 2 * LARGE
    least = min(shape[1:])
    if shape[1] == shape[2] and least <= most:
        return None
    parts = -(-least // most)
    return least // parts if least % parts == 0 else min(most, least)


def network_for(shape: tuple[int, int, int], machine: Machine) -> ModelSpec:
    """The network that suits images of `shape` on the `machine`."""
    if machine.kind != "cpu" and shape[1] >= 32:
        return ModelSpec("resnet18")
    return ModelSpec("resnet8", width=16, stages=2 if shape[1] <= SMALL else 3)


def look_at(data: ImageData, machine: Machine, *, processes: int = 1) -> Look:
    """What is to be known of `data`, which takes some seconds; the pace is that of one of so many `processes`."""
    spec, counts = network_for(data.shape, machine), Counts(len(data.train), len(data.test))
    few = limit_split(data.train, min(TRIED, counts.train), classes=len(data.classes), seed=0, place="images")
    model = build(spec, shape=data.shape, classes=len(data.classes))
    batch = _batch(len(few))
    epochs = math.ceil(STEPS * batch / len(few))
    recipe = Recipe(epochs=epochs, batch_size=batch, lr=0.05, nesterov=True, schedule="one-cycle")
    tested = data.test.take(torch.randperm(counts.test, generator=torch.Generator().manual_seed(0))[:300])
    history = train(model, replace(data, train=few, test=tested), recipe, machine=machine, title="look")
    fooled = _fooled(model, data, machine)
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // processes))
    try:
        pace = pace_of(spec, data, _batch(counts.train), machine)
    finally:
        torch.set_num_threads(threads)
    return Look(
        counts, data.shape, len(data.classes), _nearest(data), fooled, history[-1].get("test_accuracy", 0.0), pace
    )


def suited(look: Look, spec: DataSpec, *, name: str, machine: Machine, budget: float, processes: int) -> Suited:
    """The settings for data of this `look`, opened by `spec`, that fit into a `budget` of seconds.

    All images and long training where there is time for them, else fewer images. Where nothing fits, the least.
    """
    least = min(look.counts.train, FEWEST * look.classes)
    for share, longer in TRIES:
        limit = max(least, int(share * look.counts.train))
        found = _with(look, spec, name=name, machine=machine, limit=limit, longer=longer, processes=processes)
        if found.seconds <= budget:
            break
    return found


def _with(
    look: Look, spec: DataSpec, *, name: str, machine: Machine, limit: int, longer: float, processes: int
) -> Suited:
    test = min(look.counts.test, 2000, max(300, limit // 4))
    test = look.counts.test if test > 0.8 * look.counts.test else test
    data = replace(
        spec,
        limit=None if limit == look.counts.train else limit,
        limit_test=None if test == look.counts.test else test,
    )
    usual, told = describe(DataSpec(spec.source)), describe(data)
    changed = {key: value for key, value in told.items() if key == "source" or value != usual.get(key)}
    model = network_for(look.shape, machine)
    plain: Fields = {
        "data": changed,
        "model": {key: value for key, value in model.plain().items() if value is not None},
        **_plain(look, limit, longer),
    }
    settings = Settings.read({**plain, "name": name})
    stages, took = expected(settings, Counts(limit, test), look.pace, processes=processes)
    return Suited(settings, plain, dict(stages), took.seconds)


def _plain(look: Look, limit: int, longer: float) -> Fields:
    """The settings but for data and network, as a file has them."""
    eps = _round(min(FOOLED * look.fooled, APART * look.nearest))
    adversary = _round(ADVERSARY * eps)
    batch = _batch(limit)
    epochs = {name: max(4, round(longer * steps * batch / limit)) for name, steps in LENGTHS.items()}
    pushed: Fields = {"lr": 0.05, "weight_decay": 0.0005, "augment": []}
    train: Fields = {
        "batch_size": batch, "lr": 0.1 if batch > 64 else 0.05, "nesterov": True, "schedule": "one-cycle",
        "augment": [] if look.shape[1] <= SMALL else ["reflect-crop" if look.shape[0] == 3 else "shift"],
        **{name: {"epochs": count} for name, count in epochs.items()},
        "adversarial": {
            "epochs": epochs["adversarial"], "adversary": {"attack": "pgd", "norm": "l2", "eps": adversary, "steps": 3}
        },
        "rand": {"epochs": epochs["rand"], **pushed},
        "det": {"epochs": epochs["det"], **pushed},
    }  # fmt: skip
    return {
        "train": train,
        "match": {"steps": 30},
        "perturb": {"eps": eps, "steps": 20, "step_size": _round(eps / 7)},
        "evaluate": {"eps": [_round(eps / 3), _round(eps / 1.5)], "restarts": 2},
    }


COMMENTS = {
    "data": "the images; limit and limit_test take some of each class",
    "model": "of all six networks; or resnet18 (with a GPU), timm:NAME, FILE.py:function",
    "train": "what the six networks share; mirrored images of the same class? add flip to augment",
    "train.adversarial": "the robust network; a larger eps makes D_R more robust and less accurate",
    "train.rand": "D_rand and D_det need longer than the others, and no augmentation (Figure 10 of the paper)",
    "match": "D_R and D_NR: steps of representation matching",
    "perturb": "D_rand and D_det: how far an image may go to its new label",
    "evaluate": "the attacks on the test images",
}


def commented(found: Suited, look: Look, made: str, run: str, *, processes: int) -> str:
    """The settings as a TOML file, with what they come from: the commands that made it and that run it."""
    limit = found.settings.data.limit
    used = "" if limit is None else f", of which {limit} are used"
    head = [
        f"Made by: {made}",
        f"{look.counts.train} training images{used}, {look.counts.test} test images, {look.classes} classes.",
        f"The nearest image of another class is {look.nearest:.2g} away (l2, median); a standard network that learned",
        f"for seconds ({look.accuracy:.2f} of the test images) is fooled at {look.fooled:.2g}: all eps are from these.",
        f"Time: {found.seconds:.0f} s a seed by {processes} processes of this machine.",
        f"Run it: {run}",
    ]
    lines = []
    for line in as_toml(found.plain).splitlines():
        section = line.strip("[]") if line[:1] == "[" else ""
        lines += [f"# {COMMENTS[section]}"] if section in COMMENTS else []
        lines.append(line)
    return "\n".join([*(f"# {line}" for line in head), *lines]) + "\n"


def _batch(images: int) -> int:
    return 64 if images <= 3000 else 128


def _round(value: float) -> float:
    """To two digits."""
    return float(f"{value:.2g}")


def _nearest(data: ImageData) -> float:
    """The median distance from an image to the nearest one of another class, over some images."""
    rows = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(0))[:2000]
    inputs, labels = data.train.inputs(rows).flatten(1), data.train.labels[rows]
    apart = torch.cdist(inputs[:300], inputs)
    apart[labels[:300, None] == labels] = torch.inf
    nearest = apart.amin(dim=1)
    return float(nearest[nearest.isfinite()].median())


def _fooled(model: Classifier, data: ImageData, machine: Machine) -> float:
    """The median distance at which DeepFool fools the trial network, over test images that it predicts rightly.

    Fewer images where there are more classes, since it takes a gradient of each.
    """
    network, count = frozen(model, machine), max(20, 1000 // len(data.classes))
    few = data.test.take(torch.randperm(len(data.test), generator=torch.Generator().manual_seed(1))[:count])
    inputs, labels = few.inputs().to(machine.device), few.labels.to(machine.device)
    with torch.no_grad():
        right = network(inputs).argmax(dim=1) == labels
    if not right.any():
        return math.inf
    found = deepfool(network, inputs[right], labels[right], norm="l2").distance
    finite = found[found.isfinite()]
    return float(finite.median()) if len(finite) else math.inf
