"""A minimum-norm attack, as a record: which one, in which norm, and what it may be told."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from featsplit.errors import FeatsplitError, check_count, unknown
from featsplit.geometry import Distance, check_distance
from featsplit.rows import Row

NearestName = Literal["closest", "sparse", "carlini-wagner", "deepfool", "lbfgs", "jsma", "least-fgsm", "least-bim"]
NEAREST: tuple[NearestName, ...] = get_args(NearestName)
NORMS_OF: Mapping[NearestName, tuple[Distance, ...]] = {
    "closest": ("l2", "linf", "l1"),
    "sparse": ("l0", "l0-pixels"),
    "carlini-wagner": ("l2", "linf", "l0-pixels"),
    "deepfool": ("l2", "linf"),
    "lbfgs": ("l2",),
    "jsma": ("l0",),
    "least-fgsm": ("linf",),
    "least-bim": ("linf",),
}
"""In which norms each attack finds distances; the first is its usual one."""
STEPS: Mapping[NearestName, int] = {
    "closest": 100,
    "sparse": 300,
    "carlini-wagner": 1000,
    "deepfool": 50,
    "lbfgs": 40,
}
"""The steps that each attack takes; those that are not here have no such number."""
Aim = Literal["untargeted", "all", "random", "next", "least-likely"]
"""Towards which class: any other; each of the others, one by one; one drawn of them; the next; that of least logit."""
AIMS: tuple[Aim, ...] = get_args(Aim)
WITHOUT_TARGET: tuple[NearestName, ...] = ("deepfool",)
"""The attacks that can be aimed at no class."""


@dataclass(frozen=True)
class MinimumNorm:
    """An attack that looks for the nearest adversarial input; accuracy is told at each eps of `eps`, if any.

    `steps` None: as in `STEPS`. `confidence`, of "carlini-wagner" in l2 alone, is by how much the wrong logit leads.
    """

    name: NearestName = "closest"
    norm: Distance = "l2"
    steps: int | None = None
    confidence: float = 0.0
    eps: tuple[float, ...] = ()

    def check(self, place: str = "attack") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        if self.name not in NEAREST:
            raise unknown(f"{place}.name", self.name, NEAREST)
        check_distance(place, self.norm)
        if self.norm not in NORMS_OF[self.name]:
            others = [name for name in NEAREST if self.norm in NORMS_OF[name]]
            own, cure = ", ".join(NORMS_OF[self.name]), f"; for {self.norm}: {', '.join(others)}"
            raise FeatsplitError(f'{place}.norm = "{self.norm}": {self.name} finds distances in {own}{cure}')
        if self.steps is not None:
            check_count(f"{place}.steps", self.steps)
            if self.name not in STEPS:
                raise FeatsplitError(f"{place}.steps = {self.steps}: {self.name} has no steps; leave it out")
        if not 0 <= self.confidence < float("inf"):
            raise FeatsplitError(f"{place}.confidence = {self.confidence:g}: must be a number of at least 0")
        if self.confidence and (self.name, self.norm) != ("carlini-wagner", "l2"):
            raise FeatsplitError(f"{place}.confidence = {self.confidence:g}: only carlini-wagner in l2 has it")
        for eps in self.eps:
            if not 0 <= eps < float("inf"):
                raise FeatsplitError(f"{place}.eps = {eps:g}: must be a number of at least 0")

    def check_aim(self, aim: str, place: str) -> None:
        """Raise FeatsplitError at `place` where `aim` is none of `AIMS`, or the attack cannot be aimed at a class."""
        if aim not in AIMS:
            raise unknown(place, aim, AIMS)
        if aim != "untargeted" and self.name in WITHOUT_TARGET:
            raise FeatsplitError(f'{place} = "{aim}": {self.name} has no target; use closest, or leave the target out')

    @property
    def taken(self) -> int:
        """The steps as they are run; 0 where the attack has no such number."""
        return self.steps or STEPS.get(self.name, 0)

    def fields(self) -> Row:
        """The fields of a row that say which attack it was; None where one has no meaning."""
        row: Row = {"attack": self.name, "norm": self.norm, "eps": None, "steps": self.taken or None}
        return row | {"step_size": None, "restarts": None, "loss": None}
