"""Chance: what a classifier is worth that looks at no image."""

import math
from typing import NamedTuple

from torch import Tensor


class Chance(NamedTuple):
    """The accuracy of always saying the most frequent class, its `share`; and two standard errors of it."""

    share: float
    error: float

    def explains(self, accuracy: float) -> bool:
        """Whether an `accuracy` on the same labels may be no more than this."""
        return accuracy <= self.share + self.error


def chance_of(labels: Tensor) -> Chance:
    """Chance on images of these `labels`, (N,)."""
    share = float(labels.bincount().max()) / len(labels)
    return Chance(share, 2 * math.sqrt(share * (1 - share) / len(labels)))
