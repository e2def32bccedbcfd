r"""Adversarial squares: data on which a linear model is robust and a deep network that fits the labels is not.

    Y uniform in {-1, 1},  X = (Y + n) h,  n ~ U[-noise, noise]^d,  h = -1 with probability `flipped`, else 1

(Nakkiran 2019, in the discussion of the paper, distill.pub/2019/advex-bugs-discussion, "Adversarial examples are just
bugs, too"): white squares are of class 1 and black ones of class -1, but for the `flipped`, whose label is wrong.
Nothing but the colour can be learned, and it is robust; a network that also fits the wrong labels has to use the
noise, and then a small change of the noise decides.

Sizes are those of the construction: white is 1 and black -1. The pixels that a network sees are 1/2 + X / 4, so that a
square moved by up to .9 still has its pixels in [0, 1]. The test images are not flipped: they are scored by colour.
"""

import torch
from torch import Tensor

from featsplit.data.images import ImageData, Split
from featsplit.evaluation import Attack, evaluate
from featsplit.models.build import build
from featsplit.randomness import torch_generator
from featsplit.runtime import Machine, accuracy
from featsplit.studies.squares.rows import SquaresRow
from featsplit.studies.squares.settings import SMALL, Settings
from featsplit.training import Adversary, Recipe, train_by_epoch

SCALE = 4
"""How much wider the construction's scale is than that of the pixels."""
GATE = 0.999
"""A network has fitted its training labels where it predicts this share of them."""


def squares_data(settings: Settings, *, seed: int) -> ImageData:
    """The squares of `seed`, black being class 0 and white class 1."""
    train = _split(settings, settings.train, settings.flipped, torch_generator(seed, "squares/train"))
    return ImageData(
        "squares",
        ("black", "white"),
        train,
        _split(settings, settings.test, 0.0, torch_generator(seed, "squares/test")),
    )


def learn(
    settings: Settings, arm: str, *, seed: int, machine: Machine = Machine(precision="float32")
) -> list[SquaresRow]:
    """The rows of an `arm` with its `settings`: for each eps in the end, and for `SMALL` by epoch.

    By epoch the arm "deep" is looked at after each, the others after the first.
    """
    data = squares_data(settings, seed=seed)
    model = build(settings.model, shape=data.shape, classes=2, seed=seed)
    if settings.model.arch == "linear":
        torch.nn.init.zeros_(model.head.weight)
        torch.nn.init.zeros_(model.head.bias)
    rows = list[SquaresRow]()

    def look(radii: tuple[float, ...], experiment: str) -> None:
        attacks = [Attack(), *(Attack("pgd", "linf", eps / SCALE, settings.steps) for eps in radii)]
        found = evaluate(model, data.test, attacks, seed=seed, machine=machine)
        first: SquaresRow = {"arm": arm, "experiment": experiment, "epoch": epoch, "train_accuracy": fitted}
        for eps, row in zip((0.0, *radii), found, strict=True):
            rows.append({**first, "n": settings.test, "seed": seed, "eps": eps, "accuracy": row["accuracy"]})

    training = train_by_epoch(model, data, recipe(settings), seed=seed, machine=machine, title=arm)
    for epoch, _ in enumerate(training, start=1):
        fitted = accuracy(model, data.train)
        if epoch == 1 or arm == "deep":
            look((SMALL,), "epochs")
        if fitted >= GATE:
            break
    look(settings.eps, "grid")
    return rows


def recipe(settings: Settings) -> Recipe:
    """How a network of the squares is trained."""
    adversary = Adversary("pgd", "linf", settings.adversary / SCALE, steps=3) if settings.adversary else None
    return Recipe(
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        lr=settings.lr,
        nesterov=True,
        weight_decay=settings.weight_decay,
        schedule="constant",
        adversary=adversary,
    )


def _split(settings: Settings, count: int, flipped: float, generator: torch.Generator) -> Split:
    labels = torch.randint(2, (count,), generator=generator)
    shape = (count, settings.channels, settings.size, settings.size)
    noise = (2 * torch.rand(shape, generator=generator) - 1) * settings.noise
    sign = torch.where(torch.rand(count, generator=generator) < flipped, -1.0, 1.0)
    colour: Tensor = (2.0 * labels - 1)[:, None, None, None]
    return Split(0.5 + (colour + noise) * sign[:, None, None, None] / SCALE, labels)
