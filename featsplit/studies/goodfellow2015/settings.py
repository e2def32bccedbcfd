"""The settings of the study: the data, which experiments, and what decides the numbers of each."""

from dataclasses import dataclass, field, fields, replace
from typing import ClassVar, Self

from featsplit.data.sources import DataSpec
from featsplit.engine.study import DataStudySettings, check_experiments, of_seed
from featsplit.errors import FeatsplitError, check_count, check_positive
from featsplit.geometry import Threat
from featsplit.records.training import Recipe
from featsplit.studies.given import Given
from featsplit.studies.goodfellow2015.logistic.settings import Logistic

EXPERIMENTS = ("linear", "logistic", "confidence", "decay", "adversarial", "alternatives")


@dataclass(frozen=True)
class Descent:
    """How long a network is trained, at which rate (the highest of one rise and fall), in batches of which size."""

    epochs: int = 12
    lr: float = 0.1
    batch_size: int = 128

    def recipe(self) -> Recipe:
        """As a recipe: Nesterov's momentum, and no weight decay."""
        return Recipe(self.epochs, self.batch_size, self.lr, nesterov=True, weight_decay=0.0, schedule="one-cycle")


@dataclass(frozen=True)
class Linear:
    """The linear explanation: softmax regression on images of each of the sides `sizes`; and logits along a line.

    A change of random signs is drawn `draws` times for an image; the line has `points` on `images` test images.
    """

    sizes: tuple[int, ...] = (7, 14, 28, 56)
    draws: int = 32
    images: int = 200
    points: int = 41

    def check(self, place: str = "linear") -> None:
        """Raise FeatsplitError at `place` for the first setting out of its range."""
        if len(set(self.sizes)) < max(2, len(self.sizes)):
            raise FeatsplitError(f"{place}.sizes = {list(self.sizes)}: give two sides at least, and each once")
        for size in self.sizes:
            check_count(f"{place}.sizes", size)
        for name in ("draws", "images"):
            check_count(f"{place}.{name}", getattr(self, name))
        if self.points < 5 or self.points % 2 == 0:
            raise FeatsplitError(
                f"{place}.points = {self.points}: must be odd, and at least 5; the middle is the image"
            )


@dataclass(frozen=True)
class Decay:
    """Adversarial training beside weight decay: eps to train softmax regression against, weights of L1 penalties.

    The penalty of the maxout network is on its first layer; adversarially it is trained at the eps of the run.
    """

    softmax_adversarial: tuple[float, ...] = (0.1, 0.25)
    softmax_l1: tuple[float, ...] = (0.00025, 0.0025, 0.025)
    maxout_l1: tuple[float, ...] = (0.0025, 0.00025, 0.000025)

    def check(self, place: str = "decay") -> None:
        """Raise FeatsplitError at `place` for the first setting out of its range."""
        for one in fields(self):
            check_sizes(f"{place}.{one.name}", getattr(self, one.name))


@dataclass(frozen=True)
class Adversarial:
    """How closely the networks of adversarial training and its controls are attacked: steps of PGD, and of `closest`.

    The nearest adversarial images are looked for on so many test `images`.
    """

    steps: int = 20
    nearest_steps: int = 100
    images: int = 500

    def check(self, place: str = "adversarial") -> None:
        """Raise FeatsplitError at `place` for the first setting out of its range."""
        for one in fields(self):
            check_count(f"{place}.{one.name}", getattr(self, one.name))


@dataclass(frozen=True)
class Alternatives:
    """How many maxout networks are an `ensemble`."""

    ensemble: int = 5

    def check(self, place: str = "alternatives") -> None:
        """Raise FeatsplitError at `place` for the first setting out of its range."""
        if self.ensemble < 2:
            raise FeatsplitError(f"{place}.ensemble = {self.ensemble}: must be at least 2")


@dataclass(frozen=True, kw_only=True)
class Settings(DataStudySettings):
    """Everything that decides the numbers of a run, but for the seeds.

    `experiments`: "linear" (section 3: why linear models are fooled, by the size of the images), "logistic" (sections 4
    and 5: two classes), "confidence" (section 4: the fast method on softmax regression and maxout), "decay" (section 5:
    adversarial training beside weight decay), "adversarial" (section 6, and its controls of noise), "alternatives"
    (sections 7 to 10: RBF units, ensembles, rubbish, and what other networks say of the same examples).

    `eps`, in linf, is that of training and of the attack; `radii` those of the attack besides. The maxout network has
    `width` units in a layer, and `networks` may be given in the place of the one that is trained as usual, and of the
    one that is trained adversarially. `rubbish` inputs of Gaussian noise are given to every network.
    """

    study: str = "goodfellow2015"
    experiments: tuple[str, ...] = EXPERIMENTS
    eps: float = 0.25
    radii: tuple[float, ...] = (0.05, 0.1, 0.15, 0.2, 0.3)
    width: int = 240
    rubbish: int = 1000
    networks: Given = field(default_factory=Given)
    softmax: Descent = Descent(lr=0.3)
    maxout: Descent = Descent()
    rbf: Descent = Descent(epochs=24, lr=0.3)
    linear: Linear = Linear()
    logistic: Logistic = field(default_factory=Logistic)
    decay: Decay = Decay()
    adversarial: Adversarial = Adversarial()
    alternatives: Alternatives = Alternatives()

    known_experiments: ClassVar[tuple[str, ...]] = EXPERIMENTS

    def check(self) -> None:
        """Raise FeatsplitError for the first setting out of its range."""
        check_experiments(self.experiments, self.known_experiments)
        Threat("linf", self.eps).check("eps")
        check_sizes("radii", self.radii)
        check_count("width", self.width)
        check_count("rubbish", self.rubbish)
        for name in ("softmax", "maxout", "rbf"):
            descent: Descent = getattr(self, name)
            descent.recipe().check(name)
        for section in (self.linear, self.logistic, self.decay, self.adversarial, self.alternatives):
            section.check()

    def is_of_files(self) -> bool:
        """Whether the data or a network are the user's own."""
        return super().is_of_files() or self.networks.are_given

    def settled(self) -> Self:
        """The same, as they are read from any working folder: paths are absolute."""
        return replace(super().settled(), networks=self.networks.settled())

    def notes(self) -> list[str]:
        """What the page calls a network that is given."""
        roles = {"standard": "maxout", "adversarial": "maxout adversarial"}
        given = {role: getattr(self.networks, role) for role in roles}
        return [f'"{roles[role]}" is the network of {path}.' for role, path in given.items() if path is not None]

    def at(self) -> list[float]:
        """Each eps of the attack, ascending."""
        return sorted({self.eps, *self.radii})

    def data_of(self, seed: int, *, size: int | None = None) -> DataSpec:
        """The data of `seed`: it decides which images the limits and the holdout take; of a `size`, if given."""
        return of_seed(replace(self.data, resize=size or self.data.resize), seed)

    def two_classes(self, seed: int) -> DataSpec:
        """The data of logistic regression: all test images of its two classes."""
        own = self.logistic
        two = replace(self.data, classes=own.classes, resize=own.resize, limit=own.limit, limit_test=None)
        return of_seed(two, seed)


def check_sizes(place: str, sizes: tuple[float, ...]) -> None:
    """Raise FeatsplitError at `place` unless all `sizes` are greater than 0, and each is given once."""
    for size in sizes:
        check_positive(place, size)
    if len(set(sizes)) < len(sizes):
        raise FeatsplitError(f"{place} = {list(sizes)}: give each once")
