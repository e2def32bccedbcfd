"""What is known of planted data: which component each set keeps, and which it loses."""

from featsplit.data.planted import Planted
from featsplit.synthesis import Perturb
from featsplit.training import Adversary

KEEPS, LOSES = 0.8, 0.2
"""A set keeps this share of a component's class signal or more; it loses it where no more is left."""
KEPT = {"robust": "robust", "nonrobust": "nonrobust", "rand": "nonrobust", "det": "nonrobust"}
"""Which of the planted components each set is to keep; the other one is to be lost."""


def known_sets(planted: Planted, adversary: Adversary, perturbed: Perturb) -> list[str]:
    """The sets of which it is known what they keep of `planted`.

    The adversary can write any non-robust pattern over another (twice its amplitude is within his linf budget), and
    cannot take the robust one away. The standard network prefers the non-robust one, which tells the class more often
    and stands out of the noise in a whole image; and D_rand and D_det have the budget to add it.
    """
    if adversary.norm != "linf" or not 2 * planted.nonrobust <= adversary.eps < planted.robust:
        return []
    stands_out = planted.nonrobust * planted.size >= 4 * planted.noise
    if not stands_out or planted.nonrobust_agrees <= planted.robust_agrees:
        return ["robust"]
    far_enough = perturbed.norm == "linf" and planted.nonrobust <= perturbed.eps < planted.robust
    return ["robust", "nonrobust", *(("rand", "det") if far_enough else ())]
