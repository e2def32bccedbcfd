"""The attacks of Table IV as the settings have them, and the rows of what they find."""

import math
from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from featsplit.attacks import (
    Nearest,
    Network,
    carlini_wagner_l0,
    carlini_wagner_l2,
    carlini_wagner_linf,
    closest,
    deepfool,
    jsma,
    least_eps_bim,
    least_eps_fgsm,
    sparse,
)
from featsplit.geometry import Distance
from featsplit.outcomes import packed, packed_numbers
from featsplit.runtime import Machine
from featsplit.studies.carlini2017.place import Attacked
from featsplit.studies.carlini2017.rows import CarliniRow
from featsplit.studies.carlini2017.settings import Search

AttackName = Literal["carlini-wagner", "closest", "sparse", "deepfool", "jsma-z", "jsma-f", "least-fgsm", "least-bim"]
AT_ONCE = 256
"""How many images are attacked at a time."""


class Attack(NamedTuple):
    """An attack by its `name`, in a `norm`; `title` is what tables call it."""

    name: AttackName
    norm: Distance
    title: str


CARLINI = (
    Attack("carlini-wagner", "l0-pixels", "C&W L0"),
    Attack("carlini-wagner", "l2", "C&W L2"),
    Attack("carlini-wagner", "linf", "C&W Linf"),
)
"""The three attacks of the paper."""
NEAREST = (
    Attack("sparse", "l0-pixels", "sparse"),
    Attack("closest", "l2", "closest"),
    Attack("closest", "linf", "closest"),
)
"""Those of the package, in the same norms."""
ATTACKS = (
    *CARLINI,
    *NEAREST,
    Attack("jsma-z", "l0", "JSMA-Z"),
    Attack("jsma-f", "l0", "JSMA-F"),
    Attack("least-fgsm", "linf", "FGS"),
    Attack("least-bim", "linf", "IGS"),
    Attack("deepfool", "l2", "DeepFool"),
)
"""All of Table IV, and those of the package."""
UNTARGETED = ("deepfool",)


def search(
    network: Network, inputs: Tensor, labels: Tensor, attack: Attack, budget: Search, *, targeted: bool
) -> Nearest:
    """What the `attack` finds within its `budget`; the labels are to be reached if `targeted`, else left.

    JSMA may change every component: with the source's 14.5 % the 180 of Table IV could not be. FGS and IGS go by
    255ths, of colour images by 510ths.
    """
    steps, size = budget.steps, budget.step_size
    levels = 255 if inputs.shape[1] == 1 else 510
    attacks: dict[tuple[str, str], Callable[..., Nearest]] = {
        ("carlini-wagner", "l2"): partial(carlini_wagner_l2, steps=steps, rounds=budget.rounds, step_size=size),
        ("carlini-wagner", "linf"): partial(carlini_wagner_linf, steps=steps, step_size=size / 2),
        ("carlini-wagner", "l0-pixels"): partial(carlini_wagner_l0, steps=steps, step_size=size),
        ("closest", "l2"): partial(closest, norm="l2", steps=budget.closest),
        ("closest", "linf"): partial(closest, norm="linf", steps=budget.closest),
        ("sparse", "l0-pixels"): partial(sparse, norm="l0-pixels", steps=budget.sparse),
        ("deepfool", "l2"): partial(deepfool, norm="l2"),
        ("jsma-z", "l0"): partial(jsma, of="logits", gamma=1.0),
        ("jsma-f", "l0"): partial(jsma, of="probabilities", gamma=1.0),
        ("least-fgsm", "linf"): partial(least_eps_fgsm, levels=levels),
        ("least-bim", "linf"): partial(least_eps_bim, levels=levels),
    }
    return attacks[attack.name, attack.norm](network, inputs, labels, targeted=targeted)


def in_pieces(find: Callable[[Tensor, Tensor], Nearest], inputs: Tensor, labels: Tensor, machine: Machine) -> Nearest:
    """What `find` finds of `inputs` and `labels`, on the CPU, `AT_ONCE` images at a time on the `machine`."""
    parts = [
        [part.cpu() for part in find(some.to(machine.device), own.to(machine.device))]
        for some, own in zip(torch.split(inputs, AT_ONCE), torch.split(labels, AT_ONCE), strict=True)
    ]
    return Nearest(*(torch.cat([part[place] for part in parts]) for place in range(3)))


def found_row(first: CarliniRow, distances: Tensor, calls: Tensor) -> CarliniRow:
    """`first` with what the `distances` (n,) of a search say; infinity where it found nothing."""
    found = distances.isfinite()
    middle = float(distances.median())
    numbers: CarliniRow = {
        "n": len(distances),
        "accuracy": 1 - float(found.float().mean()),
        "outcomes": packed(~found),
        "distances": packed_numbers(distances),
        "distance": middle if math.isfinite(middle) else None,
        "mean_distance": float(distances[found].mean()) if bool(found.any()) else None,
        "success": float(found.float().mean()),
        "calls": float(calls.float().mean()),
    }
    return first | numbers


def towards_all(attacked: Attacked, classes: int) -> tuple[Tensor, Tensor]:
    """Each image K - 1 times, and each of the classes that it is not of: (n (K - 1), C, H, W) and (n (K - 1),)."""
    shifts = torch.arange(1, classes)
    targets = (attacked.labels[:, None] + shifts) % classes
    return attacked.inputs.repeat_interleave(classes - 1, dim=0), targets.flatten()


def drawn_of(by_target: Tensor, attacked: Attacked, classes: int) -> Tensor:
    """Of `by_target` (n, K - 1, ...), in the order of `towards_all`, what belongs to the target drawn: (n, ...)."""
    place = (attacked.targets - attacked.labels) % classes - 1
    return by_target[torch.arange(len(place)), place]


def case_distances(by_target: Tensor, attacked: Attacked, classes: int) -> dict[str, Tensor]:
    """The distances (n,) of the best, the average and the worst case, of those to each target (n, K - 1).

    The best is the least, the worst the largest, infinity where one target was not reached; the average is that of the
    target drawn (arXiv:1608.04644, section III.D).
    """
    return {
        "best": by_target.amin(dim=1),
        "average": drawn_of(by_target, attacked, classes),
        "worst": by_target.amax(dim=1),
    }
