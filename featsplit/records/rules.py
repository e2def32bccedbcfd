"""The step rules of a descent, and what a file says of one. How each moves is in `descent`, by the same name."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args

from featsplit.errors import FeatsplitError, check_count, check_positive, unknown
from featsplit.geometry import Norm, check_norm

FirstStep = Literal["polyak", "normalised"]


@dataclass(frozen=True)
class Normalised:
    """Steps of `step_size` in the direction of steepest descent for `norm`: g / ||g||_2 (l2) or sign(g) (linf).

    `step_size` is in the units of the norm, on the [0, 1] pixel scale; None: 0.1, the paper's. With "linf" it is the
    step of PGD as in arXiv:1706.06083.
    """

    name: Literal["normalised"] = field(default="normalised", init=False)
    step_size: float | None = field(
        default=None, metadata={"help": "Length of a step, on the [0, 1] pixel scale.", "default": "0.1"}
    )
    norm: Norm = "l2"

    def check(self, place: str) -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        check_step_size(place, self.step_size)
        check_norm(place, self.norm)

    def sized(self, shape: Sequence[int]) -> "Normalised":
        """This rule with its step size as a number; 0.1 whatever the `shape` of the images."""
        return self if self.step_size is not None else replace(self, step_size=0.1)


@dataclass(frozen=True)
class Momentum:
    """Steps that remember: v keeps the share `momentum` of what it was, and gains the rest from the gradient.

    `step_size` is the rate at the start, in the units of `norm` on the [0, 1] pixel scale; None: 0.1 sqrt(H W). Longer
    steps come as near, but leave noise on the way, which D_NR teaches instead.
    """

    name: Literal["momentum"] = field(default="momentum", init=False)
    step_size: float | None = field(
        default=None,
        metadata={"help": "Length of a step, on the [0, 1] pixel scale.", "default": "a tenth of the side"},
    )
    momentum: float = 0.9
    norm: Norm = "l2"

    def check(self, place: str) -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        check_step_size(place, self.step_size)
        check_norm(place, self.norm)
        if not 0 <= self.momentum < 1:
            raise FeatsplitError(f"{place}.momentum = {self.momentum:g}: must be in [0, 1)")

    def sized(self, shape: Sequence[int]) -> "Momentum":
        """This rule with its step size as a number, for images (C, H, W)."""
        return self if self.step_size is not None else replace(self, step_size=tenth_of_the_side(shape))


@dataclass(frozen=True)
class LBFGS:
    """Quasi-Newton steps from the last `memory` pairs of each image, never longer than `step_size` in l2.

    `step_size` is on the [0, 1] pixel scale; None: 0.1 sqrt(H W). `first_step` is the step while there is no pair with
    curvature yet, and in the place of any step that would climb: "polyak" is 2 f / ||g||^2 along the gradient, which
    reaches the zero of a squared distance f where the network is linear; "normalised" is `step_size` along it, for
    objectives whose minimum is not 0. `box`: a pixel that lies at a wall and is pushed against it cannot move, so it
    counts neither in the gradient nor in its change; (-inf, inf) where the projection is no box.
    """

    name: Literal["lbfgs"] = field(default="lbfgs", init=False)
    step_size: float | None = field(
        default=None,
        metadata={"help": "Length of a step, on the [0, 1] pixel scale.", "default": "a tenth of the side"},
    )
    memory: int = 8
    first_step: FirstStep = "polyak"
    box: tuple[float, float] = (0.0, 1.0)

    def check(self, place: str) -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        check_step_size(place, self.step_size)
        check_count(f"{place}.memory", self.memory)
        if self.first_step not in get_args(FirstStep):
            raise unknown(f"{place}.first_step", self.first_step, get_args(FirstStep))
        if not self.box[0] < self.box[1]:
            raise FeatsplitError(f"{place}.box = {list(self.box)}: must be two numbers, the lower one first")

    def sized(self, shape: Sequence[int]) -> "LBFGS":
        """This rule with its step size as a number, for images (C, H, W)."""
        return self if self.step_size is not None else replace(self, step_size=tenth_of_the_side(shape))


StepRule = Normalised | Momentum | LBFGS
RuleName = Literal["normalised", "momentum", "lbfgs"]
RULES: dict[RuleName, type[StepRule]] = {"normalised": Normalised, "momentum": Momentum, "lbfgs": LBFGS}


def rule_from(metadata: Mapping[str, Any], place: str = "rule") -> StepRule:
    """The rule that a file tells of as `metadata`, its `name` and fields; also as versions up to 0.1.0 wrote it.

    There one record held the fields of all rules, and "normalised" was called "paper".
    Raises FeatsplitError at `place` for a name that no version knew.
    """
    name = "normalised" if metadata["name"] == "paper" else metadata["name"]
    kind = next((kind for known, kind in RULES.items() if known == name), None)
    if kind is None:
        raise unknown(f"{place}.name", str(name), RULES)
    own = {field.name for field in fields(kind) if field.init}
    values: dict[str, Any] = {
        key: tuple(value) if key == "box" else value for key, value in metadata.items() if key in own
    }
    return kind(**values)


def check_step_size(place: str, step_size: float | None) -> None:
    """Raise FeatsplitError where the rule at `place` has a step size that is not finite and greater than 0."""
    check_positive(f"{place}.step_size", 1.0 if step_size is None else step_size)


def tenth_of_the_side(shape: Sequence[int]) -> float:
    """0.1 sqrt(H W) for images (C, H, W): distances between images grow with the root of their pixels."""
    return 0.1 * math.sqrt(math.prod(shape[1:]))
