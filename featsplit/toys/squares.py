r"""Adversarial squares: data on which a linear model is robust and a deep network that fits the labels is not.

    Y uniform in {-1, 1},  X = (Y + n) h,  n ~ U[-noise, noise]^d,  h = -1 with probability `flipped`, else 1

(Nakkiran 2019, in the discussion of the paper, distill.pub/2019/advex-bugs-discussion, "Adversarial examples are just
bugs, too"): white squares are of class 1 and black ones of class -1, but for the `flipped`, whose label is wrong.
Nothing but the colour can be learned, and it is robust; a network that also fits the wrong labels has to read the
noise, and then a small change of the noise decides.

Sizes are those of the construction: white is 1 and black -1. The pixels that a network sees are 1/2 + X / 4, so that a
square moved by up to .9 still has its pixels in [0, 1]. The test images are not flipped: they are scored by colour.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from featsplit.data.images import ImageData, Split
from featsplit.errors import FeatsplitError, check_count, check_positive
from featsplit.evaluation import Attack, evaluate
from featsplit.models.build import ModelSpec, build
from featsplit.randomness import torch_generator
from featsplit.runtime import accuracy
from featsplit.training import Adversary, Recipe, train_by_epoch

SCALE = 4
"""How much wider the construction's scale is than that of the pixels."""
GATE = 0.999
"""A network has fitted its training labels where it reads this share of them."""
SMALL = 0.01
"""The eps at which a network is watched as it learns."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Squares:
    """The data and how a network learns them: `train` and `test` squares of `size` x `size` with `channels`.

    Training ends when the network has fitted the labels (`GATE`), or after `epochs`. `adversary` is the eps of
    adversarial training in linf, 0 being none; `eps` are the radii that the network is tested at, in linf.
    """

    size: int = 16
    channels: int = 3
    train: int = 1000
    test: int = 500
    noise: float = 0.1
    flipped: float = 0.1
    arch: str = "flatcnn"
    width: int | None = None
    epochs: int = 60
    batch_size: int = 32
    lr: float = 0.001
    weight_decay: float = 0.0
    adversary: float = 0.0
    eps: tuple[float, ...] = (0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    steps: int = 10

    def check(self) -> None:
        """Raise FeatsplitError where a field is out of its range."""
        for name in ("size", "channels", "train", "test", "epochs", "batch_size", "steps"):
            check_count(f"squares.{name}", getattr(self, name))
        check_positive("squares.lr", self.lr)
        if not 0 <= self.noise <= 0.1:
            raise FeatsplitError(f"squares.noise = {self.noise:g}: must be in [0, 0.1], the colours being -1 and 1")
        if not 0 <= self.flipped < 0.5:
            raise FeatsplitError(f"squares.flipped = {self.flipped:g}: must be at least 0 and below 0.5, a share")
        if not all(0 < eps <= 0.9 for eps in (*self.eps, self.adversary or SMALL)):
            raise FeatsplitError(f"squares.eps = {list(self.eps)}: must be above 0 and at most 0.9")
        ModelSpec(self.arch, self.width).check("squares")


PAPER = Squares(size=32, train=10_000, test=1000, arch="resnet18", epochs=50, batch_size=128)
"""The published size."""
ARMS: dict[str, dict[str, Any]] = {
    "linear": {"arch": "linear", "width": None, "epochs": 3},
    "deep": {},
    "linear, longer": {"arch": "linear", "width": None},
    "no wrong labels": {"flipped": 0.0},
    "no pixel noise": {"noise": 0.0},
    "mlp": {"arch": "mlp", "width": None},
    "weight decay": {"weight_decay": 0.05},
    "stopped early": {"epochs": 1},
    "adversarial training": {"adversary": 0.3},
    "half the images": {"train": 0.5},
    "twice the images": {"train": 2},
}
"""What is changed in each arm; `train` is a factor."""


def arm_of(asked: Squares, name: str) -> Squares:
    """`asked` as it is changed in the arm `name`."""
    changes = dict(ARMS[name])
    changes["train"] = round(asked.train * changes.get("train", 1))
    changes["epochs"] = min(asked.epochs, changes.get("epochs", asked.epochs))
    return replace(asked, **changes)


def squares_data(asked: Squares, *, seed: int) -> ImageData:
    """The squares of `seed`, black being class 0 and white class 1."""
    train = _split(asked, asked.train, asked.flipped, torch_generator(seed, "squares/train"))
    return ImageData(
        "squares", ("black", "white"), train, _split(asked, asked.test, 0.0, torch_generator(seed, "squares/test"))
    )


def learn(name: str, asked: Squares, *, seed: int, device: torch.device | str = "cpu") -> list[Row]:
    """The arm `name`: rows for each eps in the end, and for `SMALL` by epoch; `part` says which ("grid", "epochs").

    By epoch the arm "deep" is looked at after each, the others after the first. `train_accuracy` is on the labels as
    given, wrong ones included; `accuracy` on test squares by their colour.
    """
    own = arm_of(asked, name)
    data = squares_data(own, seed=seed)
    model = build(ModelSpec(own.arch, own.width), shape=data.shape, classes=2, seed=seed)
    if own.arch == "linear":
        torch.nn.init.zeros_(model.head.weight)
        torch.nn.init.zeros_(model.head.bias)
    rows: list[Row] = []

    def look(radii: tuple[float, ...], **of: Any) -> None:
        attacks = [Attack(), *(Attack("pgd", "linf", eps / SCALE, own.steps) for eps in radii)]
        found = evaluate(model, data.test, attacks, seed=seed, device=device, precision="float32")
        for eps, row in zip((0.0, *radii), found, strict=True):
            rows.append({"arm": name, **of, "n": own.test, "seed": seed, "eps": eps, "accuracy": row["accuracy"]})

    how: Any = {"seed": seed, "device": device, "precision": "float32", "title": name}
    for epoch, _ in enumerate(train_by_epoch(model, data, recipe(own), **how), start=1):
        fitted = accuracy(model, data.train)
        if epoch == 1 or name == "deep":
            look((SMALL,), part="epochs", epoch=epoch, train_accuracy=fitted)
        if fitted >= GATE:
            break
    look(own.eps, part="grid", epoch=epoch, train_accuracy=fitted)
    return rows


def recipe(asked: Squares) -> Recipe:
    """How a network of the squares is trained."""
    adversary = Adversary("pgd", "linf", asked.adversary / SCALE, steps=3) if asked.adversary else None
    return Recipe(
        epochs=asked.epochs,
        batch_size=asked.batch_size,
        lr=asked.lr,
        nesterov=True,
        weight_decay=asked.weight_decay,
        schedule="constant",
        adversary=adversary,
    )


def _split(asked: Squares, count: int, flipped: float, generator: torch.Generator) -> Split:
    labels = torch.randint(2, (count,), generator=generator)
    shape = (count, asked.channels, asked.size, asked.size)
    noise = (2 * torch.rand(shape, generator=generator) - 1) * asked.noise
    sign = torch.where(torch.rand(count, generator=generator) < flipped, -1.0, 1.0)
    colour: Tensor = (2.0 * labels - 1)[:, None, None, None]
    return Split(0.5 + (colour + noise) * sign[:, None, None, None] / SCALE, labels)
