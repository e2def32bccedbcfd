r"""The derived data sets: representation matching, and relabel-and-perturb.

    D_R, D_NR       x' = argmin over z in [0, 1]^d of ||g(z) - g(x)||_2, from another image   (arXiv:1905.02175, eq. 6)
    D_rand, D_det   x' = argmin over ||x' - x|| <= eps of J(x', t), labelled t                (eq. 7)

with g the representation of an adversarially trained network (D_R) or of a standard one (D_NR), and t a random class or
the next one. `match_representation` and `perturb_to_target` do this to a batch; `build_match` and `build_perturb` to a
whole split, into a file. `build_mislabelled` relabels without perturbing.
"""

from featsplit.records.synthesis import Match, Perturb, Start, Targets
from featsplit.synthesis.adversarial import build_adversarial
from featsplit.synthesis.building import Build
from featsplit.synthesis.matching import build_match, draw_starts, match_representation
from featsplit.synthesis.mislabelled import build_mislabelled
from featsplit.synthesis.perturbing import build_perturb, choose_targets, perturb_to_target

__all__ = [
    "Build",
    "Match",
    "Perturb",
    "Start",
    "Targets",
    "build_adversarial",
    "build_match",
    "build_mislabelled",
    "build_perturb",
    "choose_targets",
    "draw_starts",
    "match_representation",
    "perturb_to_target",
]
