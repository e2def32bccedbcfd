r"""Images with planted truth: a robust and a non-robust component of known size, so that a split has a right answer.

    x = 1/2 + r R[a] + n N[b] + noise,  clipped to [0, 1]

R and N hold a template of unit length for each class, R mixed of the lowest frequencies of the cosine transform and N
of the highest; all are orthogonal. `a` and `b` are the label, or with some chance another class. An adversary who may
move an image by more than n / sqrt(2) can give it the non-robust component of any class; the robust one takes r /
sqrt(2). What a set keeps of either is read off by the templates themselves (matched filters), not by a network.
"""

from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from featsplit import randomness
from featsplit.data.images import ImageData, Split, as_inputs
from featsplit.errors import FeatsplitError, check_count, unknown

NAME = "planted"
COMPONENTS = ("robust", "nonrobust")


@dataclass(frozen=True)
class Planted:
    """What is planted, written as `planted:nonrobust=0.3,noise=0.1`.

    `robust` and `nonrobust` are the l2 lengths r and n of the components, `noise` the standard deviation of a pixel;
    `robust_agrees` and `nonrobust_agrees` are the shares of images whose component is that of their label, the others'
    being that of a random other class. `train` and `test` count images of `size` x `size`.
    """

    robust: float = 1.5
    nonrobust: float = 0.5
    noise: float = 0.05
    robust_agrees: float = 0.9
    nonrobust_agrees: float = 1.0
    classes: int = 10
    size: int = 16
    train: int = 4000
    test: int = 1000
    seed: int = 0

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
        if 2 * self.classes > self.size**2 - 1:
            rule = f"has no room for {2 * self.classes} orthogonal templates"
            raise FeatsplitError(f"{place}: size = {self.size}: {rule}; take a larger one, or fewer classes")


class Truth(NamedTuple):
    """The ground truth: templates (K, 1, H, W) by component, and the class that each image shows of each, (N,)."""

    templates: dict[str, Tensor]
    train: dict[str, Tensor]
    test: dict[str, Tensor]


def planted_from(source: str) -> Planted:
    """What `source`, "planted" or "planted:name=value,...", asks for; FeatsplitError where it cannot be read."""
    kinds = {name: type(value) for name, value in asdict(Planted()).items()}
    given: dict[str, float] = {}
    for part in filter(None, source.removeprefix(NAME).removeprefix(":").split(",")):
        name, _, value = part.partition("=")
        if name not in kinds:
            raise unknown(f"data.source {NAME}", name, kinds)
        try:
            given[name] = kinds[name](value)
        except ValueError as error:
            raise FeatsplitError(f"data.source {source}: {name} = {value!r}: must be a number") from error
    asked = Planted(**given)  # type: ignore[arg-type]  # each of its field's own type
    asked.check(f"data.source {NAME}")
    return asked


def is_planted(source: str) -> bool:
    """Whether `source` names planted data."""
    return source == NAME or source.startswith(f"{NAME}:")


def load_planted(source: str) -> ImageData:
    """The data set that `source` asks for, float32, labels evenly spread."""
    asked = planted_from(source)
    truth = truth_of(asked)
    names = tuple(str(number) for number in range(asked.classes))
    return ImageData(source, names, _split(asked, truth, "train"), _split(asked, truth, "test"))


def truth_of(asked: Planted) -> Truth:
    """The templates, and what each image shows."""
    basis = _cosines(asked.size)
    order = sorted(range(1, asked.size**2), key=lambda place: (sum(divmod(place, asked.size)), place))
    bands = {"robust": order[: asked.classes], "nonrobust": order[-asked.classes :]}
    templates = {
        name: (_rotation(asked, name) @ basis[band]).reshape(-1, 1, asked.size, asked.size).float()
        for name, band in bands.items()
    }
    return Truth(templates, _shown(asked, "train"), _shown(asked, "test"))


def signal(images: Tensor, labels: Tensor, templates: Tensor) -> float:
    """How much more the images show the template of their label than those of other classes, in l2 length.

    The mean over images of <x, T_y> - mean over k != y of <x, T_k>.
    """
    responses = torch.cat([as_inputs(part).flatten(1) @ templates.flatten(1).T for part in torch.split(images, 1000)])
    own = responses.gather(1, labels[:, None])[:, 0]
    others = (responses.sum(dim=1) - own) / (len(templates) - 1)
    return float((own - others).mean())


def kept(split: Split, of: Split, truth: Truth) -> dict[str, float]:
    """What share of each component's class signal in `of`, the source, is in `split`: as its own labels have it."""
    return {
        name: signal(split.images, split.labels, templates) / signal(of.images, of.labels, templates)
        for name, templates in truth.templates.items()
    }


def _cosines(size: int) -> Tensor:
    """The orthonormal cosine transform in two dimensions, (size^2, size^2): a row of pixels for each pair of waves."""
    places = torch.arange(size, dtype=torch.float64)
    waves = torch.cos(torch.pi * (places + 0.5) * places[:, None] / size) * (2 / size) ** 0.5
    waves[0] /= 2**0.5
    return torch.einsum("ah,bw->abhw", waves, waves).reshape(size**2, size**2)


def _rotation(asked: Planted, name: str) -> Tensor:
    """A random orthogonal matrix, so that every template is a mixture and no pixel stands out."""
    noise = randomness.normal(asked.seed, f"planted/{name}", [0], (asked.classes, asked.classes))[0]
    rotation: Tensor = torch.linalg.qr(noise.double())[0]
    return rotation


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
    images = 0.5 + asked.noise * randomness.normal(
        asked.seed, f"planted/{which}/noise", rows, (1, asked.size, asked.size)
    )
    for name, length in zip(COMPONENTS, (asked.robust, asked.nonrobust), strict=True):
        images += length * truth.templates[name][shown[name]]
    return Split(images.clamp(0, 1), torch.arange(len(rows)) % asked.classes)
