r"""Images with planted truth: a robust and a non-robust component of known size, so that a split has a right answer.

    x = 1/2 + r R[a] + n N[b] + noise,  clipped to [0, 1]

R and N hold a pattern of +1 and -1 for each class (two-dimensional Walsh functions): R slow ones in red and green, N
fast ones in blue, so r and n are how far a component moves a pixel. `a` and `b` are the label, or with some chance
another class. Under an adversary in linf a pixel is worth keeping only where the class moves it further than he may
(Tsipras et al. 2019, arXiv:1805.12152, section 2): for n < eps < r the robust network uses R alone. That the two share
no pixel matters: in one pixel, or under one budget in l2, a small component rides along with a large one. What a set
keeps of either is read off by the patterns themselves (matched filters), not by a network.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from featsplit import randomness
from featsplit.data.images import ImageData, Split, as_inputs
from featsplit.errors import FeatsplitError, check_count, unknown
from featsplit.files import replacing
from featsplit.records.data import PLANTED
from featsplit.records.data import is_planted as is_planted

COMPONENTS = ("robust", "nonrobust")


@dataclass(frozen=True)
class Planted:
    """What is planted, written as `planted:nonrobust=0.06,noise=0.1`.

    `robust` and `nonrobust` are r and n, `noise` the standard deviation of a pixel; `robust_agrees` and
    `nonrobust_agrees` are the shares of images whose component is that of their label, the others' being that of a
    random other class. `train` and `test` count images of 3 x `size` x `size`.
    """

    robust: float = 0.15
    nonrobust: float = 0.03
    noise: float = 0.05
    robust_agrees: float = 0.9
    nonrobust_agrees: float = 1.0
    classes: int = 10
    size: int = 16
    train: int = 4000
    test: int = 1000
    seed: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """What the classes are called."""
        return tuple(str(number) for number in range(self.classes))

    def check(self, place: str) -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        for name in ("robust", "nonrobust", "noise"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise FeatsplitError(f"{place}: {name} = {getattr(self, name):g}: must be at least 0")
        for name in ("robust_agrees", "nonrobust_agrees"):
            if not 0 <= getattr(self, name) <= 1:
                raise FeatsplitError(f"{place}: {name} = {getattr(self, name):g}: must be in [0, 1], a share of images")
        for name in ("train", "test"):
            check_count(f"{place}: {name}", getattr(self, name))
        if self.classes < 2:
            raise FeatsplitError(f"{place}: classes = {self.classes}: must be at least 2")
        if self.size < 2 or self.size & (self.size - 1):
            raise FeatsplitError(f"{place}: size = {self.size}: must be a power of 2, for which there are patterns")
        if 2 * self.classes > self.size**2 - 1:
            rule = f"has no room for {2 * self.classes} patterns"
            raise FeatsplitError(f"{place}: size = {self.size}: {rule}; take a larger one, or fewer classes")


class Truth(NamedTuple):
    """The ground truth: patterns (K, 3, H, W) by component, and the class that each image shows of each, (N,)."""

    patterns: dict[str, Tensor]
    train: dict[str, Tensor]
    test: dict[str, Tensor]


def planted_from(source: str) -> Planted:
    """What `source`, "planted" or "planted:name=value,...", asks for; FeatsplitError where it cannot be read."""
    kinds = {name: type(value) for name, value in asdict(Planted()).items()}
    given: dict[str, float] = {}
    for part in filter(None, source.removeprefix(PLANTED).removeprefix(":").split(",")):
        name, _, value = part.partition("=")
        if name not in kinds:
            raise unknown(f"data.source {PLANTED}", name, kinds)
        try:
            given[name] = kinds[name](value)
        except ValueError as error:
            raise FeatsplitError(f"data.source {source}: {name} = {value!r}: must be a number") from error
    asked = Planted(**given)  # type: ignore[arg-type]  # each of its field's own type
    asked.check(f"data.source {PLANTED}")
    return asked


def load_planted(source: str) -> ImageData:
    """The data set that `source` asks for, float32, labels evenly spread."""
    asked = planted_from(source)
    truth = truth_of(asked)
    return ImageData(source, asked.names, _split(asked, truth, "train"), _split(asked, truth, "test"))


def truth_of(asked: Planted) -> Truth:
    """The patterns, and what each image shows. Which pattern is whose is drawn by the seed."""
    walsh = _walsh(asked.size)
    order = sorted(range(1, asked.size**2), key=lambda place: (sum(divmod(place, asked.size)), place))
    bands = {"robust": order[: asked.classes], "nonrobust": order[-asked.classes :]}
    patterns = {}
    for name, band in bands.items():
        drawn = torch.randperm(asked.classes, generator=randomness.torch_generator(asked.seed, f"planted/{name}"))
        flat = walsh[torch.tensor(band)[drawn]].reshape(-1, 1, asked.size, asked.size)
        patterns[name] = flat * torch.tensor([1.0, 1.0, 0.0] if name == "robust" else [0.0, 0.0, 1.0])[:, None, None]
    return Truth(patterns, _shown(asked, "train"), _shown(asked, "test"))


def signal(images: Tensor, labels: Tensor, patterns: Tensor) -> tuple[float, float]:
    """How much further the pattern of the label moves a pixel in the images than those of other classes do.

    The mean over images of p_y - mean over k != y of p_k, where p_k = <x, P_k> / ||P_k||^2; and its standard error.
    """
    flat = patterns.flatten(1)
    filters = (flat / flat.square().sum(dim=1, keepdim=True)).T
    responses = torch.cat([as_inputs(part).flatten(1) @ filters for part in torch.split(images, 1000)])
    own = responses.gather(1, labels[:, None])[:, 0]
    others = (responses.sum(dim=1) - own) / (len(patterns) - 1)
    further = own - others
    return float(further.mean()), float(further.std()) / len(further) ** 0.5


def kept(split: Split, of: Split, truth: Truth) -> dict[str, tuple[float, float]]:
    """What share of each component's class signal in `of`, the source, is in `split`, as its own labels have it.

    With the standard error of that share over the images of `split`.
    """
    shares = {}
    for name, patterns in truth.patterns.items():
        (own, error), (whole, _) = (signal(each.images, each.labels, patterns) for each in (split, of))
        shares[name] = own / whole, error / abs(whole)
    return shares


def write_truth(path: Path, source: str) -> None:
    """What `source` planted, as a .npz: a pattern of each component for each class, and which one each image shows."""
    patterns, train, test = truth_of(planted_from(source))
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(
            file,
            patterns_robust=patterns["robust"].numpy(),
            patterns_nonrobust=patterns["nonrobust"].numpy(),
            train_robust=train["robust"].numpy(),
            train_nonrobust=train["nonrobust"].numpy(),
            test_robust=test["robust"].numpy(),
            test_nonrobust=test["nonrobust"].numpy(),
        )


def _walsh(size: int) -> Tensor:
    """The Walsh functions of `size` x `size` pixels, (size^2, size^2): row a * size + b changes sign a and b times."""
    matrix = torch.ones(1, 1)
    while len(matrix) < size:
        matrix = torch.cat([torch.cat([matrix, matrix], dim=1), torch.cat([matrix, -matrix], dim=1)])
    lines = matrix[(matrix[:, 1:] != matrix[:, :-1]).sum(dim=1).argsort()]
    return torch.einsum("ah,bw->abhw", lines, lines).reshape(size**2, size**2)


def _shown(asked: Planted, which: str) -> dict[str, Tensor]:
    """The class that each image shows of each component, (N,) int64."""
    rows = range(asked.train if which == "train" else asked.test)
    labels = torch.arange(len(rows)) % asked.classes
    found = {}
    for name, agrees in zip(COMPONENTS, (asked.robust_agrees, asked.nonrobust_agrees), strict=True):
        stage = f"planted/{which}/{name}"
        chance = torch.tensor([float(g.random()) for g in randomness.generators(asked.seed, f"{stage}/agrees", rows)])
        away = 1 + randomness.integers(asked.seed, stage, rows, asked.classes - 1)
        found[name] = torch.where(chance < agrees, labels, (labels + away) % asked.classes)
    return found


def _split(asked: Planted, truth: Truth, which: str) -> Split:
    shown = truth.train if which == "train" else truth.test
    rows = range(len(shown["robust"]))
    noise = randomness.normal(asked.seed, f"planted/{which}/noise", rows, (3, asked.size, asked.size))
    images = 0.5 + asked.noise * noise
    for name, amplitude in zip(COMPONENTS, (asked.robust, asked.nonrobust), strict=True):
        images += amplitude * truth.patterns[name][shown[name]]
    return Split(images.clamp(0, 1), torch.arange(len(rows)) % asked.classes)
