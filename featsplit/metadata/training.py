"""How a network was trained, as its checkpoint says.

A checkpoint says who attacked it during training. One that was brought in, or saved without a recipe, may not: its
training is then "not told", which is neither standard nor adversarial.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from featsplit.metadata.plain import Fields, Json, mapping, number, text, whole

Kind = Literal["standard", "adversarial", "not told"]
NETWORKS: dict[Kind, str] = {
    "standard": "a standard network",
    "adversarial": "an adversarially trained network",
    "not told": "a network of which the training is not told",
}


@dataclass(frozen=True)
class Training:
    """How a network was trained; of an adversary what is known of it: `attack`, `norm`, `eps` and `steps`."""

    kind: Kind = "not told"
    attack: str | None = None
    norm: str | None = None
    eps: float | None = None
    steps: int | None = None

    def __str__(self) -> str:
        """As "adversarial training pgd l2 eps 0.5 steps 7"."""
        if self.kind == "not told":
            return "training not told"
        words = [f"{self.kind} training", self.attack, self.norm]
        words += [
            f"{name} {value:g}" for name, value in (("eps", self.eps), ("steps", self.steps)) if value is not None
        ]
        return " ".join(word for word in words if word)


STANDARD = Training("standard")


def training_of(recipe: Json) -> Training:
    """How the network was trained whose checkpoint holds this `recipe`.

    An adversary of eps 0, or one whose loss has no weight (alpha 1), is none: that is standard training. What cannot be
    read, in metadata that someone else wrote, is not told.
    """
    if not isinstance(recipe, Mapping) or "adversary" not in recipe:
        return Training()
    adversary = recipe["adversary"]
    if adversary is None:
        return STANDARD
    if not isinstance(adversary, Mapping):
        return Training()
    try:
        norm, eps = str(adversary["norm"]), float(str(adversary["eps"]))
    except (KeyError, ValueError):
        return Training()
    if eps == 0 or adversary.get("alpha") == 1:
        return STANDARD
    attack, steps = adversary.get("attack"), adversary.get("steps")
    return Training(
        "adversarial",
        attack if isinstance(attack, str) else None,
        norm,
        eps,
        steps if isinstance(steps, int) and attack != "fgsm" else None,
    )


def adversary_of(training: Training) -> Fields | None:
    """Who attacked in `training`, as a recipe says it; `training_of` reads it back."""
    if training.kind == "standard":
        return None
    if training.kind == "not told":
        return {"for training": training.kind}
    known = {"attack": training.attack, "norm": training.norm, "eps": training.eps, "steps": training.steps}
    return {name: value for name, value in known.items() if value is not None}


def training_from(plain: Json) -> Training:
    """The Training whose fields `plain` holds; KeyError, TypeError or ValueError where it holds others."""
    fields = mapping(plain)
    attack, norm, eps, steps = (fields[name] for name in ("attack", "norm", "eps", "steps"))
    return Training(
        next(kind for kind in get_args(Kind) if kind == text(fields["kind"])),
        None if attack is None else text(attack),
        None if norm is None else text(norm),
        None if eps is None else number(eps),
        None if steps is None else whole(steps),
    )
