"""The minimum-norm attack that a record names."""

from torch import Tensor

from featsplit.attacks.carlini_wagner_l0 import carlini_wagner_l0
from featsplit.attacks.carlini_wagner_l2 import carlini_wagner_l2
from featsplit.attacks.carlini_wagner_linf import carlini_wagner_linf
from featsplit.attacks.closest import closest
from featsplit.attacks.deepfool import deepfool
from featsplit.attacks.jsma import jsma
from featsplit.attacks.least_eps import least_eps_bim, least_eps_fgsm
from featsplit.attacks.nearest import Nearest
from featsplit.attacks.objectives import Network
from featsplit.attacks.sparse import sparse
from featsplit.attacks.szegedy import szegedy_lbfgs
from featsplit.records.minimum_norm import MinimumNorm


def find(network: Network, inputs: Tensor, labels: Tensor, attack: MinimumNorm, *, targeted: bool = False) -> Nearest:
    """What the `attack` finds: see the function of its name. Inputs (N, C, H, W) in [0, 1], labels (N,) int64.

    The labels are to be left, or reached when `targeted`. Raises FeatsplitError where the attack is out of its range.
    """
    attack.check()
    steps = attack.taken
    match attack.name:
        case "closest":
            assert attack.norm in ("l1", "l2", "linf")
            return closest(network, inputs, labels, norm=attack.norm, steps=steps, targeted=targeted)
        case "sparse":
            assert attack.norm in ("l0", "l0-pixels")
            return sparse(network, inputs, labels, norm=attack.norm, steps=steps, targeted=targeted)
        case "carlini-wagner":
            return _carlini_wagner(network, inputs, labels, attack, targeted=targeted)
        case "deepfool":
            assert attack.norm in ("l2", "linf")
            return deepfool(network, inputs, labels, norm=attack.norm, steps=steps, targeted=targeted)
        case "lbfgs":
            return szegedy_lbfgs(network, inputs, labels, iterations=steps, targeted=targeted)
        case "jsma":
            return jsma(network, inputs, labels, targeted=targeted)
        case "least-fgsm":
            return least_eps_fgsm(network, inputs, labels, targeted=targeted)
        case "least-bim":
            return least_eps_bim(network, inputs, labels, targeted=targeted)


def _carlini_wagner(
    network: Network, inputs: Tensor, labels: Tensor, attack: MinimumNorm, *, targeted: bool
) -> Nearest:
    steps, confidence = attack.taken, attack.confidence
    if attack.norm == "l2":
        return carlini_wagner_l2(network, inputs, labels, steps=steps, confidence=confidence, targeted=targeted)
    if attack.norm == "linf":
        return carlini_wagner_linf(network, inputs, labels, steps=steps, targeted=targeted)
    return carlini_wagner_l0(network, inputs, labels, steps=steps, targeted=targeted)
