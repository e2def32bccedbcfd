"""The settings of the adversarial squares, and its arms: what is changed in each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from featsplit.engine.study import StudySettings
from featsplit.errors import FeatsplitError, check_count, check_positive, unknown
from featsplit.models.build import SMALL_ARCHITECTURES, ModelSpec
from featsplit.runtime import Precision

SMALL = 0.01
"""The eps at which a network is watched as it learns, and at which the verdict is made."""
DEEP = ModelSpec("flatcnn")


@dataclass(frozen=True, kw_only=True)
class Settings(StudySettings):
    """The data, how a network learns them, and the `arms`: "linear" and "deep" are there always.

    `train` and `test` are numbers of squares of `size` x `size` with `channels`. Training ends when the network has
    fitted the labels, or after `epochs`. `adversary` is the eps of adversarial training in linf, 0 being none; `eps`
    are the radii that the network is tested at, in linf.
    """

    study: str = "squares"
    name: str = "squares"
    precision: Precision = "float32"
    arms: tuple[str, ...] = ()
    size: int = 16
    channels: int = 3
    train: int = 1000
    test: int = 500
    noise: float = 0.1
    flipped: float = 0.1
    model: ModelSpec = DEEP
    epochs: int = 60
    batch_size: int = 32
    lr: float = 0.001
    weight_decay: float = 0.0
    adversary: float = 0.0
    eps: tuple[float, ...] = (0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    steps: int = 10

    def check(self) -> None:
        """Raise FeatsplitError for the first setting out of its range."""
        for name in ("size", "channels", "train", "test", "epochs", "batch_size", "steps"):
            check_count(name, getattr(self, name))
        check_positive("lr", self.lr)
        if not 0 <= self.noise <= 0.1:
            raise FeatsplitError(f"noise = {self.noise:g}: must be in [0, 0.1], the colours being -1 and 1")
        if not 0 <= self.flipped < 0.5:
            raise FeatsplitError(f"flipped = {self.flipped:g}: must be at least 0 and below 0.5, a share")
        if not 0 <= self.adversary <= 0.9:
            raise FeatsplitError(f"adversary = {self.adversary:g}: must be from 0, for none, to 0.9")
        if not all(0 < eps <= 0.9 for eps in self.eps):
            raise FeatsplitError(f"eps = {list(self.eps)}: must be above 0 and at most 0.9")
        if SMALL not in self.eps:
            raise FeatsplitError(
                f"eps = {list(self.eps)}: must have {SMALL:g} among them, at which the verdict is made"
            )
        for arm in self.arms:
            if arm not in ARMS:
                raise unknown("arms", arm, ARMS)
        self.model.check()

    def is_small(self) -> bool:
        """Whether a process of one thread is the fastest way to run the deep network on a CPU."""
        return self.model.arch in SMALL_ARCHITECTURES

    def is_of_files(self) -> bool:
        """Whether the network is the user's own."""
        return self.model.is_code


def _longest(settings: Settings, epochs: int) -> Settings:
    return replace(settings, epochs=min(settings.epochs, epochs))


def _of(settings: Settings, arch: str) -> Settings:
    return replace(settings, model=ModelSpec(arch))


ARMS: Mapping[str, Callable[[Settings], Settings]] = {
    "linear": lambda settings: _longest(_of(settings, "linear"), 3),
    "deep": lambda settings: settings,
    "linear, longer": lambda settings: _of(settings, "linear"),
    "no wrong labels": lambda settings: replace(settings, flipped=0.0),
    "no pixel noise": lambda settings: replace(settings, noise=0.0),
    "mlp": lambda settings: _of(settings, "mlp"),
    "weight decay": lambda settings: replace(settings, weight_decay=0.05),
    "stopped early": lambda settings: _longest(settings, 1),
    "adversarial training": lambda settings: replace(settings, adversary=0.3),
    "half the images": lambda settings: replace(settings, train=max(1, round(settings.train / 2))),
    "twice the images": lambda settings: replace(settings, train=2 * settings.train),
}
"""What each arm changes."""
