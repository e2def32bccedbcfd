"""An attack to evaluate under, as a record: what a row says of the attack behind its number."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from featsplit.errors import FeatsplitError, check_count, check_positive, unknown
from featsplit.geometry import Norm, Threat
from featsplit.rows import Row

Loss = Literal["cross-entropy", "margin"]
LOSSES: tuple[Loss, ...] = get_args(Loss)
AttackName = Literal["none", "fgsm", "bim", "least-likely", "pgd", "autoattack"]
ATTACKS: tuple[AttackName, ...] = get_args(AttackName)


@dataclass(frozen=True)
class Attack:
    """An attack to evaluate under; "none" is clean accuracy, "autoattack" needs pyautoattack (the extra "autoattack").

    `step_size` None: 2.5 eps / steps, never more than eps. The first PGD run starts at the image itself, each of the
    `restarts` - 1 others at a uniform point of the ball. `loss` is what PGD climbs (see `attacks`). AutoAttack has no
    settings but norm and eps.
    """

    name: AttackName = "none"
    norm: Norm = "l2"
    eps: float = 0.0
    steps: int = 20
    step_size: float | None = None
    restarts: int = 1
    loss: Loss = "cross-entropy"

    def check(self, place: str = "attack") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        if self.name not in ATTACKS:
            raise unknown(f"{place}.name", self.name, ATTACKS)
        if self.loss not in LOSSES:
            raise unknown(f"{place}.loss", self.loss, LOSSES)
        self.threat.check(place)
        for name in ("steps", "restarts"):
            check_count(f"{place}.{name}", getattr(self, name))
        check_positive(f"{place}.step_size", 1.0 if self.step_size is None else self.step_size)
        for name, usual in (("restarts", 1), ("loss", "cross-entropy")):
            if getattr(self, name) != usual and self.name != "pgd":
                raise FeatsplitError(f'{place}.{name} = {getattr(self, name)}: only "pgd" has {name}')

    @property
    def threat(self) -> Threat:
        """What it may do to an image."""
        return Threat(self.norm, self.eps)

    def plan(self) -> tuple[int, float]:
        """(steps, step size) as they are run."""
        if self.name == "fgsm":
            return 1, self.eps
        return self.steps, self.step_size or min(self.eps, 2.5 * self.eps / self.steps)

    def fields(self) -> Row:
        """The fields of a row that say which attack it was; None where one has no meaning."""
        row: Row = {"attack": self.name, "norm": None, "eps": None, "steps": None}
        row |= {"step_size": None, "restarts": None, "loss": None}
        if self.name == "none":
            return row
        row |= {"norm": self.norm, "eps": self.eps}
        if self.name == "autoattack":
            return row
        steps, step_size = self.plan()
        return row | {"steps": steps, "step_size": step_size, "restarts": self.restarts, "loss": self.loss}


@dataclass(frozen=True)
class UnderPGD:
    """PGD on the test sets, at each eps of `eps`; clean accuracy is always there."""

    norm: Norm = field(default="l2", metadata={"help": "Of the PGD attack on the test sets."})
    eps: tuple[float, ...] = field(
        default=(0.25,), metadata={"help": "Of the PGD attack; with commas for several.", "unit": "NUMBERS"}
    )
    steps: int = field(default=20, metadata={"help": "Of the PGD attack."})
    restarts: int = field(default=1, metadata={"help": "Of the PGD attack."})

    def check(self, place: str = "evaluate") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        for attack in self.attacks():
            attack.check(place)

    def attacks(self) -> list[Attack]:
        """Clean accuracy, and the attack at every eps."""
        return [Attack(), *(Attack("pgd", self.norm, eps, self.steps, None, self.restarts) for eps in self.eps)]


@dataclass(frozen=True)
class Probe:
    """PGD of so many `steps` in the ball of `eps`, run on a stratified choice of so many `images`."""

    norm: Norm = field(default="l2", metadata={"help": "Of the adversary."})
    eps: float = field(default=0.25, metadata={"help": "Of the adversary, on the [0, 1] pixel scale."})
    images: int = field(default=200, metadata={"help": "How many test images the adversary is run on.", "min": 2})
    steps: int = field(default=10, metadata={"help": "Of its PGD.", "min": 1})

    def check(self, place: str = "adversary") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        Threat(self.norm, self.eps).check(place)
        check_count(f"{place}.images", self.images)
        check_count(f"{place}.steps", self.steps)

    def attack(self, step_size: float | None = None) -> Attack:
        """It as an attack, with steps of `step_size`."""
        return Attack("pgd", self.norm, self.eps, self.steps, step_size)
