"""An attack to evaluate under, as a record: what a row says of the attack behind its number."""

from dataclasses import dataclass
from typing import Literal, get_args

from featsplit.attacks import LOSSES, Loss
from featsplit.errors import FeatsplitError, check_count, check_positive, unknown
from featsplit.geometry import Norm, Threat
from featsplit.rows import Row

AttackName = Literal["none", "fgsm", "bim", "pgd", "autoattack"]
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
