"""The attacks of ours that `benchmarks minimal` measures, by the record that names them."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn

from featsplit.attacks import carlini_wagner_l2
from featsplit.attacks.named import find
from featsplit.geometry import Distance
from featsplit.records.minimum_norm import MinimumNorm, NearestName

ALL = (100, 400, 1000)
ROUNDS = 9
Run = Callable[[nn.Module, Tensor, Tensor, Distance, int], Tensor]


class Attack(NamedTuple):
    """An attack with the norms that it knows, the passes that it is given (0: it has no such number), and its call.

    The call takes network, inputs, labels, norm and passes; it returns images (N, C, H, W).
    """

    library: str
    name: str
    norms: tuple[Distance, ...]
    passes: tuple[int, ...]
    run: Run


def _named(name: NearestName) -> Run:
    def run(network: nn.Module, inputs: Tensor, labels: Tensor, norm: Distance, passes: int) -> Tensor:
        return find(network, inputs, labels, MinimumNorm(name, norm, passes or None)).inputs

    return run


def _carlini_wagner_l2(network: nn.Module, inputs: Tensor, labels: Tensor, norm: Distance, passes: int) -> Tensor:
    return carlini_wagner_l2(network, inputs, labels, steps=passes // ROUNDS, step_size=0.1, early_stop=False).inputs


def _carlini_wagner_linf(network: nn.Module, inputs: Tensor, labels: Tensor, norm: Distance, passes: int) -> Tensor:
    return find(network, inputs, labels, MinimumNorm("carlini-wagner", norm, passes // 10)).inputs


OURS = (
    Attack("featsplit", "closest", ("l2", "linf"), ALL, _named("closest")),
    Attack("featsplit", "sparse", ("l0",), (100, 300, 1000), _named("sparse")),
    Attack("featsplit", "C&W", ("l2",), (400, 1000), _carlini_wagner_l2),
    Attack("featsplit", "C&W", ("linf",), (1000,), _carlini_wagner_linf),
    Attack("featsplit", "DeepFool", ("l2", "linf"), (0,), _named("deepfool")),
    Attack("featsplit", "L-BFGS", ("l2",), (0,), _named("lbfgs")),
    Attack("featsplit", "JSMA", ("l0",), (0,), _named("jsma")),
    Attack("featsplit", "least FGSM", ("linf",), (0,), _named("least-fgsm")),
    Attack("featsplit", "least BIM", ("linf",), (0,), _named("least-bim")),
)
