"""How a classifier is trained, as plain data; the defaults are those of the paper's `robustness` package."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal, get_args

from featsplit.errors import FeatsplitError, check_count, check_positive, unknown
from featsplit.geometry import Norm, Threat
from featsplit.metadata.plain import Fields

AdversaryName = Literal["pgd", "fgsm"]
Schedule = Literal["one-cycle", "step", "cosine", "constant"]
RESIZED_CROP = "random-resized-crop"
AUGMENTATIONS = (
    "crop", "reflect-crop", "flip", "shift", "color-jitter", "strong-color-jitter", "grey", "rotation", RESIZED_CROP,
)  # fmt: skip


def check_augment(names: Sequence[str], place: str = "train.augment") -> None:
    """Raise FeatsplitError at `place` for the first of `names` that is no augmentation (see `data.augment`)."""
    for name in names:
        if name not in AUGMENTATIONS:
            raise unknown(place, name, AUGMENTATIONS)


@dataclass(frozen=True)
class Adversary:
    """Who attacks during training, in the eps-ball of `norm` and with the network in eval mode.

    `pgd`: `steps` of `step_size` (None: 2.5 eps / steps, never more than eps), from the image or, with `random_start`,
    from a uniform point of the ball. `fgsm`: one step of eps, the loss mixed with `alpha` (None: 0.5) of the clean
    loss; with `random_start` the variant of Wong et al. 2020 (arXiv:2001.03994): one step of 1.25 eps (or `step_size`)
    from a uniform point, `alpha` None being 0.
    """

    attack: AdversaryName = "pgd"
    norm: Norm = field(default="l2", metadata={"help": "In which the adversary is bounded."})
    eps: float = field(default=0.5, metadata={"help": "Its radius, on the [0, 1] pixel scale."})
    steps: int = field(default=7, metadata={"help": "Of pgd; fgsm takes one step.", "of": ("pgd",)})
    step_size: float | None = field(
        default=None,
        metadata={"help": "Length of a step, on the [0, 1] pixel scale.", "default": "2.5 eps / steps; fgsm: eps"},
    )
    random_start: bool = field(default=False, metadata={"help": "The adversary starts in the ball."})
    alpha: float | None = field(default=None, metadata={"help": "Weight of the clean loss.", "default": "0.5 for fgsm"})

    def check(self, place: str) -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        if self.attack not in get_args(AdversaryName):
            raise unknown(f"{place}.attack", self.attack, get_args(AdversaryName))
        self.threat.check(place)
        check_count(f"{place}.steps", self.steps)
        check_positive(f"{place}.step_size", 1.0 if self.step_size is None else self.step_size)
        if self.alpha is not None and not 0 <= self.alpha <= 1:
            raise FeatsplitError(f"{place}.alpha = {self.alpha:g}: must be in [0, 1], the weight of the clean loss")

    @property
    def threat(self) -> Threat:
        """What it may do to an image."""
        return Threat(self.norm, self.eps)

    @property
    def clean_weight(self) -> float:
        """The share alpha of the clean loss."""
        if self.alpha is not None:
            return self.alpha
        return 0.5 if self.attack == "fgsm" and not self.random_start else 0.0

    def plan(self) -> tuple[int, float]:
        """(steps, step size) as they are run."""
        if self.attack == "fgsm":
            return 1, self.step_size or (1.25 * self.eps if self.random_start else self.eps)
        return self.steps, self.step_size or min(self.eps, 2.5 * self.eps / self.steps)


@dataclass(frozen=True)
class Recipe:
    """SGD with momentum and weight decay for `epochs`; the defaults are those of the paper's `robustness` package.

    `schedule`: "step" multiplies the rate by `drop_factor` every `drop_every` epochs; "one-cycle" rises linearly to
    `lr` over the first quarter and falls linearly to 0; "cosine" rises linearly to `lr` over the first `warmup` epochs
    and falls to 0 along half a cosine (arXiv:1608.03983, without restarts); "constant". `augment` names batched
    augmentations, in order. `label_smoothing` s trains on labels of 1 - s and s / K for each of K classes
    (arXiv:1512.00567); the adversary attacks the labels as they are.
    `sync_batchnorm` is of several processes on GPUs: BatchNorm sees all images of a batch, not those of a process.
    """

    epochs: int = field(default=150, metadata={"help": "How often the training images are gone through."})
    batch_size: int = field(default=128, metadata={"help": "Images a step."})
    lr: float = field(default=0.1, metadata={"help": "The learning rate, at its highest."})
    momentum: float = field(default=0.9, metadata={"help": "Of SGD."})
    nesterov: bool = field(
        default=False, metadata={"help": "Nesterov's momentum, or the usual one.", "flag": "--nesterov/--no-nesterov"}
    )
    weight_decay: float = field(default=5e-4, metadata={"help": "Of every weight."})
    schedule: Schedule = field(
        default="step",
        metadata={
            "help": "Of the rate: times --drop-factor every --drop-every epochs, up and down once, half a cosine, or "
            "the same always."
        },
    )
    drop_every: int = field(default=50, metadata={"help": "Of the schedule step, in epochs."})
    drop_factor: float = field(default=0.1, metadata={"help": "Of the schedule step."})
    augment: tuple[str, ...] = field(
        default=(), metadata={"help": f"{', '.join(AUGMENTATIONS)}: with commas, in order.", "unit": "NAMES"}
    )
    adversary: Adversary | None = field(
        default=None, metadata={"help": "Who attacks during training.", "group": "Adversary"}
    )
    sync_batchnorm: bool = field(
        default=False, metadata={"help": "Of several GPUs: BatchNorm sees the images of all (torchrun)."}
    )

    warmup: int = field(default=0, metadata={"help": "Of the schedule cosine: epochs in which the rate rises."})
    label_smoothing: float = field(
        default=0.0, metadata={"help": "The part of each label that all classes share; the adversary's labels stay."}
    )

    def plain(self) -> Fields:
        """The fields as JSON values; without those that came after the first version, where they are as usual."""
        return {name: value for name, value in asdict(self).items() if name not in LATER or value}

    def check(self, place: str = "train") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        for name in ("epochs", "batch_size", "drop_every"):
            check_count(f"{place}.{name}", getattr(self, name))
        for name in ("lr", "drop_factor"):
            check_positive(f"{place}.{name}", getattr(self, name))
        if not 0 <= self.momentum < 1:
            raise FeatsplitError(f"{place}.momentum = {self.momentum:g}: must be in [0, 1)")
        if self.nesterov and not self.momentum:
            raise FeatsplitError(f"{place}.nesterov = true: needs a momentum greater than 0")
        if not 0 <= self.weight_decay < math.inf:
            raise FeatsplitError(f"{place}.weight_decay = {self.weight_decay:g}: must be at least 0")
        if self.schedule not in get_args(Schedule):
            raise unknown(f"{place}.schedule", self.schedule, get_args(Schedule))
        if not 0 <= self.warmup < (self.epochs if self.schedule == "cosine" else 1):
            rule = (
                "must be at least 0 and below the epochs" if self.schedule == "cosine" else "is of the schedule cosine"
            )
            raise FeatsplitError(f"{place}.warmup = {self.warmup}: {rule} ({self.epochs} epochs, {self.schedule})")
        if not 0 <= self.label_smoothing < 1:
            raise FeatsplitError(f"{place}.label_smoothing = {self.label_smoothing:g}: must be in [0, 1)")
        check_augment(self.augment, f"{place}.augment")
        if self.adversary is not None:
            self.adversary.check(f"{place}.adversary")

    def rate(self, epoch: float) -> float:
        """The learning rate at `epoch`, counted in fractions from 0."""
        if self.schedule == "one-cycle":
            done = epoch / self.epochs
            return self.lr * min(done / 0.25, (1 - done) / 0.75)
        if self.schedule == "cosine":
            if epoch < self.warmup:
                return self.lr * epoch / self.warmup
            return self.lr * (1 + math.cos(math.pi * (epoch - self.warmup) / (self.epochs - self.warmup))) / 2
        drops = int(epoch) // self.drop_every if self.schedule == "step" else 0
        return self.lr * self.drop_factor**drops


LATER = ("sync_batchnorm", "warmup", "label_smoothing")
"""The fields that came after the first version; off as usual."""
LEAKAGE = Recipe(epochs=20, lr=0.02, schedule="one-cycle", nesterov=True)
"""Of the linear network whose logits are robust features (Goh 2019), but for its adversary."""
TRANSFER = Recipe(epochs=30, lr=0.05, schedule="one-cycle", nesterov=True)
"""Of the networks that are to show what a set teaches."""
