"""The rows of the study: what the network predicts of clean and adversarial images, before and after something."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from featsplit.evaluation.seen import Seen
from featsplit.outcomes import packed, unpacked
from featsplit.report.rates import Counted
from featsplit.rows import Row


class KurakinRow(Row, total=False):
    """A row of the study: `attack` is the paper's method, "none" being clean images, and `levels` its eps in 255ths.

    What was done to the images: a `transformation` of some `strength`; a photograph, of the `case` "average" or
    "prefiltered"; a `stage` of storage. `outcomes` says which of all `n` images are predicted rightly afterwards, and
    `counted` which of them count, `of` of them; `rate` is the share of those that count that are predicted rightly,
    None where none counts: the destruction rate, if those count that were right clean and wrong adversarial. `top_k_of`
    and `top_k_rate` are the same where right is to be among the top k. `measure` names a number of photographs on
    drawn pairs alone, `top` whether it is of the top 1 or of the top k.

    Of storage: `accepted` says which images pass the gate. `changed` is how many predictions 8 bits change, `repaired`
    how many components a repair changes in the mean.
    """

    levels: int
    transformation: str
    strength: float
    case: str
    stage: str
    counted: str
    of: int
    rate: float | None
    top_k_of: int
    top_k_rate: float | None
    measure: str
    top: int
    accepted: str
    changed: int
    repaired: float


def share(hit: Tensor, counted: Tensor) -> float | None:
    """The share of hits (N,) bool among those that count, (N,) bool; None where none counts."""
    return int((hit & counted).sum()) / int(counted.sum()) if bool(counted.any()) else None


def destruction(clean: Seen, adversarial: Seen, after: Seen, among: Tensor | None = None) -> KurakinRow:
    """The destruction rate of the paper (its equation 1) as fields of a row: of the images that count, who comes back.

    Those count that are predicted rightly when `clean` and wrongly when `adversarial`, and are `among` (N,) bool if
    that is given; they are destroyed where the prediction is right `after`. And the same for the top k.
    """
    counted, top_counted = clean.right & ~adversarial.right, clean.in_top & ~adversarial.in_top
    if among is not None:
        counted, top_counted = counted & among, top_counted & among
    return {
        "n": len(counted),
        "accuracy": float(after.right.float().mean()),
        "outcomes": packed(after.right),
        "counted": packed(counted),
        "of": int(counted.sum()),
        "rate": share(after.right, counted),
        "top_k_of": int(top_counted.sum()),
        "top_k_rate": share(after.in_top, top_counted),
    }


def counted_of(rows: Sequence[KurakinRow], *, missed: bool = False, accepted: bool = False) -> list[Counted]:
    """What counts in `rows`, one a seed, and which is hit: predicted rightly, or with `missed` wrongly.

    With `accepted` a hit has passed the gate too.
    """
    found = []
    for row in rows:
        hit = unpacked(row["outcomes"], row["n"]) ^ np.bool_(missed)
        passed = unpacked(row["accepted"], row["n"]) if accepted else np.bool_(True)
        found.append(Counted(unpacked(row["counted"], row["n"]), hit & passed))
    return found


def chosen(indices: Tensor, count: int) -> Tensor:
    """Which of `count` images these are, (count,) bool."""
    return torch.zeros(count, dtype=torch.bool).index_fill(0, indices, True)
