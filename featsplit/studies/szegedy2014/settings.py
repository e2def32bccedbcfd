"""The settings of the study: which data, how many images, how the networks are trained and attacked."""

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Self, get_args

from featsplit.data.sources import DataSpec
from featsplit.engine.study import DataStudySettings, check_experiments
from featsplit.errors import FeatsplitError, check_count, check_positive, unknown
from featsplit.records.models import ModelSpec
from featsplit.records.training import Adversary, Recipe
from featsplit.studies.given import Given

Experiment = Literal["units", "models", "halves", "spectral"]
EXPERIMENTS: tuple[Experiment, ...] = get_args(Experiment)
CHAINS = ("cnn", "flatcnn", "vgg7", "mlp", "resnet8", "resnet14")
"""The architectures whose layers stand one after the other: a bound of each, and one of all."""
_RECIPE = Recipe(epochs=6, lr=0.1, schedule="one-cycle", nesterov=True)
_ADVERSARIAL = replace(_RECIPE, adversary=Adversary(eps=1.5, steps=4))
_MODEL = ModelSpec("vgg7", width=8)


@dataclass(frozen=True)
class Convolutional:
    """The convolutional network of "units" and "spectral": trained as usual, adversarially, and with a penalty.

    Its images have `resize` pixels a side (None: those of the data). `penalty` is the weight of the sum over layers of
    the squared spectral norm; 0: no such network.
    """

    model: ModelSpec = _MODEL
    resize: int | None = None
    standard: Recipe = _RECIPE
    adversarial: Recipe = _ADVERSARIAL
    penalty: float = 0.01

    def check(self, place: str = "convolutional") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        self.model.check(f"{place}.model")
        if self.model.arch not in CHAINS:
            raise unknown(f"{place}.model.arch", self.model.arch, CHAINS)
        self.standard.check(f"{place}.standard")
        self.adversarial.check(f"{place}.adversarial")
        if self.standard.adversary is not None:
            raise FeatsplitError(f"{place}.standard.adversary: only {place}.adversarial has one")
        if self.adversarial.adversary is None:
            raise FeatsplitError(f"{place}.adversarial.adversary: is missing; it says how that network is trained")
        if not 0 <= self.penalty < float("inf"):
            raise FeatsplitError(f"{place}.penalty = {self.penalty:g}: must be at least 0, and finite")


@dataclass(frozen=True, kw_only=True)
class Settings(DataStudySettings):
    """Everything that decides the numbers of a run, but for the seeds.

    `images` are attacked for each network, by box-constrained L-BFGS of `attack_iterations` for each of its constants
    and as many `bisections`. `noise` are the standard deviations beside Table 2, `half_noise` those beside Table 4, and
    `amplified` the rms that its distortions are stretched to. `iterations` of L-BFGS train a network, and
    `encoder_iterations` the autoencoder. `directions` are drawn at random in each layer, and as many of its units
    (`units`); `bounded` images get a certified radius and an attack. `networks` may be given in the place of the
    convolutional one that is trained as usual, and of the one that is trained adversarially.
    """

    study: str = "szegedy2014"
    experiments: tuple[Experiment, ...] = EXPERIMENTS
    images: int = 40
    attack_iterations: int = 40
    bisections: int = 8
    noise: tuple[float, ...] = (0.1, 0.3, 1.0)
    half_noise: tuple[float, ...] = (0.06, 0.1)
    amplified: float = 0.1
    iterations: int = 200
    encoder_iterations: int = 60
    convolutional: Convolutional = field(default_factory=Convolutional)
    directions: int = 200
    bounded: int = 200
    networks: Given = field(default_factory=Given)

    known_experiments: ClassVar[tuple[str, ...]] = EXPERIMENTS

    def check(self) -> None:
        """Raise FeatsplitError for the first setting out of its range."""
        check_experiments(self.experiments, self.known_experiments)
        for name in (
            "images", "attack_iterations", "bisections", "iterations", "encoder_iterations", "directions", "bounded",
        ):  # fmt: skip
            check_count(name, getattr(self, name))
        check_positive("amplified", self.amplified)
        for place, sizes in (("noise", self.noise), ("half_noise", self.half_noise)):
            for size in sizes:
                check_positive(place, size)
            if not sizes or len(set(sizes)) < len(sizes):
                raise FeatsplitError(f"{place} = {list(sizes)}: give one or more standard deviations, each once")
        self.convolutional.check()

    def is_of_files(self) -> bool:
        """Whether the data or a network are the user's own."""
        return super().is_of_files() or self.networks.are_given

    def settled(self) -> Self:
        """The same, as they are read from any working folder: paths are absolute."""
        return replace(super().settled(), networks=self.networks.settled())

    def notes(self) -> list[str]:
        """What the page calls a network that is given."""
        given = {"standard": self.networks.standard, "adversarial": self.networks.adversarial}
        return [
            f"The convolutional network of {role} training is that of {path}."
            for role, path in given.items()
            if path is not None
        ]

    def convolutional_data_of(self, seed: int) -> DataSpec:
        """The same as the convolutional network takes it."""
        own = self.data_of(seed)
        return own if self.convolutional.resize is None else replace(own, resize=self.convolutional.resize)
