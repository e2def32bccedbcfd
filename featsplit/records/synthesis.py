"""How the derived sets are made, as records: representation matching, relabel-and-perturb, and the build itself."""

from dataclasses import asdict, dataclass, field, replace
from typing import Literal, get_args

from featsplit.errors import FeatsplitError, check_count, check_positive, unknown
from featsplit.geometry import Norm, Threat, check_norm
from featsplit.metadata.plain import Fields
from featsplit.records.rules import LBFGS, RuleName, StepRule

Start = Literal["image", "noise"]
STEPS: dict[RuleName, int] = {"normalised": 1000, "momentum": 80, "lbfgs": 50}


@dataclass(frozen=True)
class Match:
    """How representations are matched; the rule `Normalised()` is the paper's way (Table 5): 1000 steps of 0.1.

    `steps` None: 1000 for the rule "normalised" (10,000 from noise), 80 for "momentum", 50 for "lbfgs". An image stops
    when the distance left is at most `tolerance` times the length of the representation to be matched. `start`: another
    training image whatever its label, or Gaussian "noise" (mean 0.5, deviation 0.25, clipped). With a `bound` each
    image stays in that ball around its start, in the `bound_norm`.
    """

    rule: StepRule = field(
        default_factory=LBFGS,
        metadata={
            "help": "The paper's normalised gradient, the same with momentum, or a quasi-Newton method.",
            "renamed": {"paper": "normalised"},
        },
    )
    steps: int | None = field(
        default=None,
        metadata={
            "help": "Steps of matching.",
            "default": ", ".join(f"{rule} {steps}" for rule, steps in STEPS.items()) + "; normalised from noise 10000",
        },
    )
    tolerance: float = field(
        default=0.0, metadata={"help": "Stop an image at this relative distance; at 0 it takes every step."}
    )
    start: Start = field(default="image", metadata={"help": "Another training image, or noise."})
    bound: float | None = field(
        default=None,
        metadata={
            "help": "How far an image may go from its start, on the [0, 1] pixel scale.", "default": "anywhere",
        },
    )  # fmt: skip
    bound_norm: Norm = field(default="l2", metadata={"help": "In which it may go so far."})

    def check(self, place: str = "match") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        self.rule.check(place)
        check_count(f"{place}.steps", 1 if self.steps is None else self.steps)
        if not 0 <= self.tolerance < 1:
            raise FeatsplitError(f"{place}.tolerance = {self.tolerance:g}: must be in [0, 1), 0 to take every step")
        if self.start not in get_args(Start):
            raise unknown(f"{place}.start", self.start, get_args(Start))
        if self.bound is None and self.bound_norm != "l2":
            raise FeatsplitError(f"{place}.bound_norm = {self.bound_norm}: there is no bound; give {place}.bound")
        if self.bound is not None:
            check_positive(f"{place}.bound", self.bound)
            check_norm(f"{place}.bound", self.bound_norm)
            if self.bound_norm == "linf" and self.bound > 1:
                rule = "must be at most 1 in linf (pixels are in [0, 1])"
                raise FeatsplitError(f"{place}.bound = {self.bound:g}: {rule}")

    @property
    def threat(self) -> Threat | None:
        """The ball around its start in which an image stays; None: there is none."""
        return None if self.bound is None else Threat(self.bound_norm, self.bound)

    def plain(self) -> Fields:
        """As JSON values; a bound only where there is one."""
        bounded = self.bound is not None
        return {name: value for name, value in asdict(self).items() if bounded or name not in ("bound", "bound_norm")}

    def sized(self, shape: tuple[int, int, int]) -> "Match":
        """The same with every number as it is run on images (C, H, W)."""
        usual = STEPS[self.rule.name] * (10 if (self.rule.name, self.start) == ("normalised", "noise") else 1)
        return replace(self, rule=self.rule.sized(shape), steps=self.steps or usual)


Targets = Literal["random", "next"]


@dataclass(frozen=True)
class Perturb:
    """How images are perturbed to a target; the defaults are the paper's (Table 6): l2, eps 0.5, 100 steps of 0.1.

    `targets`: "random", uniform over all classes and so at times the image's own unless `exclude_own_label`, or "next",
    (y + 1) mod K.
    """

    targets: Targets = field(
        default="random", metadata={"help": "A class at random (D_rand), or the next class (D_det)."}
    )
    exclude_own_label: bool = field(
        default=False, metadata={"help": "Never draw an image's own label as its random target."}
    )
    norm: Norm = field(default="l2", metadata={"help": "In which the perturbation is bounded."})
    eps: float = field(default=0.5, metadata={"help": "Its radius, on the [0, 1] pixel scale."})
    steps: int = field(default=100, metadata={"help": "Steps of PGD."})
    step_size: float = field(default=0.1, metadata={"help": "Length of a step, on the [0, 1] pixel scale."})

    def check(self, place: str = "perturb") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        self.threat.check(place)
        if self.targets not in get_args(Targets):
            raise unknown(f"{place}.targets", self.targets, get_args(Targets))
        check_count(f"{place}.steps", self.steps)
        check_positive(f"{place}.step_size", self.step_size)

    @property
    def threat(self) -> Threat:
        """What may be done to an image."""
        return Threat(self.norm, self.eps)
