"""How long a run will take, from a few seconds of its network on this machine."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch

from featsplit.data.images import ImageData
from featsplit.engine.jobs import Job
from featsplit.engine.plan import Took, simulated
from featsplit.models.build import ModelSpec, build
from featsplit.records.training import Recipe
from featsplit.runtime import Machine, frozen, usual_batch
from featsplit.studies.ilyas2019.jobs import jobs
from featsplit.studies.ilyas2019.settings import Settings
from featsplit.studies.ilyas2019.works import DeriveAndRetrain, Train
from featsplit.training import Trainer

START, PAGE = 6.0, 4.0
"""Seconds until the first job begins, and for the page."""
STANDS = 0.6
"""The share of an attack's images that still stand, on average over its steps and restarts."""
MORE = 1.2
"""What a job does beside the steps that are counted: files, digests, epochs that are looked at."""


class Pace(NamedTuple):
    """Seconds an image of a step of training, of a frozen network's forward and backward pass, and of a prediction."""

    train: float
    attack: float
    predict: float


class Counts(NamedTuple):
    """How many training and test images there are."""

    train: int
    test: int


def pace_of(spec: ModelSpec, data: ImageData, batch_size: int, machine: Machine, *, seconds: float = 1.0) -> Pace:
    """The pace of a network of `spec` on `data`, each of the three measured for some `seconds`."""
    model = build(spec, shape=data.shape, classes=len(data.classes)).to(machine.device)
    rows = torch.arange(batch_size) % len(data.train)
    inputs, labels = data.train.inputs(rows).to(machine.device), data.train.labels[rows].to(machine.device)
    trainer = Trainer(model, Recipe(epochs=1, batch_size=batch_size, lr=1e-3), machine)
    model.train()
    train = _each(lambda: trainer.step(inputs, labels, None), batch_size, machine, seconds)
    count = usual_batch(machine, data.shape)
    network, many = frozen(model.eval(), machine), data.train.inputs(torch.arange(count) % len(data.train))
    many = many.to(machine.device)

    def attack() -> None:
        free = many.clone().requires_grad_(True)
        torch.autograd.grad(network.rough(free).logsumexp(dim=1).sum(), free)

    def predict() -> None:
        with torch.no_grad():
            network(many)

    return Pace(train, _each(attack, count, machine, seconds), _each(predict, count, machine, seconds))


def expected(settings: Settings, counts: Counts, pace: Pace, *, processes: int) -> tuple[Mapping[str, float], Took]:
    """The seconds of each job of a run of one seed, by its name, and those of the whole run by so many `processes`."""
    every = jobs(settings, 0)
    seconds = {job.key: MORE * _job_seconds(job, settings, counts, pace) for job in every}
    took = simulated(every, processes, seconds)
    named = {job.like: seconds[job.key] for job in every if seconds[job.key]}
    return named, took._replace(seconds=took.seconds + START + PAGE)


def _each(work: Callable[[], object], images: int, machine: Machine, seconds: float) -> float:
    """The seconds that `work` takes for each of its `images`: the least of some turns, since others may be at work."""
    work()
    least, began = float("inf"), time.perf_counter()
    while time.perf_counter() - began < seconds:
        before = time.perf_counter()
        work()
        if machine.kind == "cuda":
            torch.cuda.synchronize(machine.device)
        least = min(least, time.perf_counter() - before)
    return least / images


def _job_seconds(job: Job, settings: Settings, counts: Counts, pace: Pace) -> float:
    work = job.work
    if isinstance(work, Train):
        return _learning(work.network.recipe, settings, counts, pace)
    if isinstance(work, DeriveAndRetrain):
        made_by, calls = work.derived.made_by, 0.0
        if made_by.method == "match":
            calls = settings.match.sized((1, 1, 1)).steps or 0
        elif made_by.method == "perturb":
            calls = settings.perturb.steps
        making = counts.train * (calls * pace.attack + 6 * pace.predict)
        return making + _learning(work.network.recipe, settings, counts, pace)
    return 0.0


def _learning(recipe: Recipe, settings: Settings, counts: Counts, pace: Pace) -> float:
    """Training by `recipe`, and evaluation under the run's attacks."""
    image = pace.train
    if recipe.adversary is not None:
        image += recipe.adversary.plan()[0] * pace.attack
    training = recipe.epochs * (counts.train * image + counts.test * pace.predict)
    attacks = [attack for attack in settings.evaluate.attacks() if attack.name != "none"]
    passes = sum(attack.plan()[0] * attack.restarts for attack in attacks)
    return training + counts.test * (STANDS * passes * pace.attack + 4 * pace.predict)
