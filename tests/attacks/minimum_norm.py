"""Every minimum-norm attack, one line each: what `test_minimum_norm` holds it to."""

from collections.abc import Callable
from typing import NamedTuple

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
    margin,
    sparse,
    szegedy_lbfgs,
)
from featsplit.attacks.nearest import adversarial, nearest
from featsplit.geometry import Distance

Attack = Callable[[Network, Tensor, Tensor, bool], Nearest]
"""Called with network, inputs, labels, targeted."""


class Case(NamedTuple):
    """An attack and what it promises on networks whose nearest adversarial inputs are known.

    - name: what the test is called by.
    - attack: a callable (network, inputs, labels, targeted).
    - norm: that of its distances.
    - factor: at most so many times the true distance; infinity: never nearer than the truth is all.
    - components: and so much more on top, for l0.
    - at_walls: the factor where half of the pixels lie at 0 or 1; None: the same.
    - on_circle: the factor where the boundary is a circle; None: the same.
    - ways: which of untargeted (False) and targeted (True) it can.
    - many: how many images are one batch, when an image is to come as near alone; less for what is slow.
    """

    name: str
    attack: Attack
    norm: Distance
    factor: float = 1.05
    components: int = 0
    at_walls: float | None = None
    on_circle: float | None = None
    ways: tuple[bool, ...] = (False, True)
    many: int = 128


def _closest(network: Network, inputs: Tensor, labels: Tensor, targeted: bool) -> Nearest:
    return closest(network, inputs, labels, targeted=targeted)


def _closest_linf(network: Network, inputs: Tensor, labels: Tensor, targeted: bool) -> Nearest:
    return closest(network, inputs, labels, norm="linf", targeted=targeted)


def _closest_l1(network: Network, inputs: Tensor, labels: Tensor, targeted: bool) -> Nearest:
    return closest(network, inputs, labels, norm="l1", targeted=targeted)


def _straight(network: Network, inputs: Tensor, labels: Tensor, targeted: bool) -> Nearest:
    """Along the gradient of the margin, by twenty halvings."""
    x = inputs.clone().requires_grad_(True)
    (way,) = torch.autograd.grad(margin(network(x), labels).sum(), x)
    way = (way if targeted else -way) * 100
    calls = torch.ones_like(labels)
    found = nearest(network, inputs, labels, inputs + way, norm="l2", targeted=targeted, calls=calls)
    for k in range(20):
        closer = nearest(network, inputs, labels, inputs + way / 2**k, norm="l2", targeted=targeted, calls=found.calls)
        wins = (closer.distance < found.distance) & adversarial(network, closer.inputs, labels, targeted=targeted)
        found = Nearest(
            torch.where(wins[:, None, None, None], closer.inputs, found.inputs),
            torch.where(wins, closer.distance, found.distance),
            closer.calls,
        )
    return found


def _jsma(network: Network, inputs: Tensor, labels: Tensor, targeted: bool) -> Nearest:
    return jsma(network, inputs, labels, gamma=1.0, targeted=targeted)


def _jsma_f(network: Network, inputs: Tensor, labels: Tensor, targeted: bool) -> Nearest:
    return jsma(network, inputs, labels, of="probabilities", theta=-1, gamma=1.0, targeted=targeted)


def _deepfool(network: Network, inputs: Tensor, labels: Tensor, targeted: bool) -> Nearest:
    return deepfool(network, inputs, labels, targeted=targeted)


def _deepfool_linf(network: Network, inputs: Tensor, labels: Tensor, targeted: bool) -> Nearest:
    return deepfool(network, inputs, labels, norm="linf", targeted=targeted)


def _least_eps_fgsm(network: Network, inputs: Tensor, labels: Tensor, targeted: bool) -> Nearest:
    return least_eps_fgsm(network, inputs, labels, targeted=targeted)


def _least_eps_bim(network: Network, inputs: Tensor, labels: Tensor, targeted: bool) -> Nearest:
    return least_eps_bim(network, inputs, labels, targeted=targeted)


def _carlini_wagner_l2(network: Network, inputs: Tensor, labels: Tensor, targeted: bool) -> Nearest:
    return carlini_wagner_l2(network, inputs, labels, steps=200, step_size=0.03, targeted=targeted)


def _carlini_wagner_l0(network: Network, inputs: Tensor, labels: Tensor, targeted: bool) -> Nearest:
    return carlini_wagner_l0(network, inputs, labels, steps=50, step_size=0.1, largest=1e3, targeted=targeted)


def _carlini_wagner_linf(network: Network, inputs: Tensor, labels: Tensor, targeted: bool) -> Nearest:
    return carlini_wagner_linf(network, inputs, labels, steps=100, step_size=0.02, shrink=0.97, targeted=targeted)


def _szegedy_lbfgs(network: Network, inputs: Tensor, labels: Tensor, targeted: bool) -> Nearest:
    return szegedy_lbfgs(network, inputs, labels, iterations=10, targeted=targeted)


def _sparse(network: Network, inputs: Tensor, labels: Tensor, targeted: bool) -> Nearest:
    return sparse(network, inputs, labels, steps=100, targeted=targeted)


def _sparse_pixels(network: Network, inputs: Tensor, labels: Tensor, targeted: bool) -> Nearest:
    return sparse(network, inputs, labels, norm="l0-pixels", steps=100, targeted=targeted)


def _sigma_zero(network: Network, inputs: Tensor, labels: Tensor, targeted: bool) -> Nearest:
    return sparse(network, inputs, labels, steps=100, swapping=0, targeted=targeted)


CASES = [
    Case("closest", _closest, "l2"),
    Case("closest-linf", _closest_linf, "linf"),
    Case("closest-l1", _closest_l1, "l1"),
    Case("straight", _straight, "l2", factor=float("inf")),
    Case("deepfool", _deepfool, "l2", on_circle=float("inf"), ways=(False,)),
    Case("deepfool-linf", _deepfool_linf, "linf", ways=(False,)),
    Case("jsma", _jsma, "l0", factor=float("inf")),
    Case("jsma-f-down", _jsma_f, "l0", factor=float("inf")),
    Case("least-eps-fgsm", _least_eps_fgsm, "linf", factor=float("inf")),
    Case("least-eps-bim", _least_eps_bim, "linf", factor=float("inf")),
    Case("sparse", _sparse, "l0", factor=1, components=1),
    Case("sparse-pixels", _sparse_pixels, "l0-pixels", factor=1, components=1),
    Case("sigma-zero", _sigma_zero, "l0", factor=1, components=1),
    Case("carlini-wagner-l2", _carlini_wagner_l2, "l2", at_walls=1.1),
    Case("carlini-wagner-l0", _carlini_wagner_l0, "l0-pixels", factor=1.0, components=1),
    Case("carlini-wagner-linf", _carlini_wagner_linf, "linf", at_walls=1.3),
    Case("szegedy-lbfgs", _szegedy_lbfgs, "l2", factor=1.1, many=4),
]
