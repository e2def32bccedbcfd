"""The attacks of foolbox, torchattacks, ART and adv-lib that `benchmarks minimal` measures, with their traps avoided.

Every network gives logits and counts its passes; inputs (N, C, H, W) in [0, 1] are contiguous, as adv-lib's in-place
projections need them. Where an attack searches for a constant in rounds, its passes are those of all rounds together.
"""

import importlib
import sys
import types
from typing import Any, Literal

import torch
from torch import Tensor, nn

from benchmarks.minimal.judge import distances
from benchmarks.minimal.ours import ALL, ROUNDS, Attack, Run
from featsplit.geometry import Distance

ORDER: dict[Distance, float] = {"l0": 0, "l2": 2, "linf": float("inf")}
CONSTANTS, CLASSES = (0.1, 1.0, 10.0), 10
FoolboxName = Literal["DDNAttack", "L2FMNAttack", "LInfFMNAttack", "L0FMNAttack"]


def _adv_lib() -> Any:
    sys.modules.setdefault("visdom", types.ModuleType("visdom"))  # only drawn with, never called here
    if not hasattr(sys.modules["visdom"], "Visdom"):
        sys.modules["visdom"].Visdom = object  # type: ignore[attr-defined]
    return importlib.import_module("adv_lib.attacks")


def _foolbox(network: nn.Module, attack: Any, inputs: Tensor, labels: Tensor) -> Tensor:
    model: Any = importlib.import_module("foolbox").PyTorchModel(network, bounds=(0, 1), device="cpu")
    found: Tensor = attack(model, inputs, labels, epsilons=None)[0]
    return found


def _foolbox_steps(name: FoolboxName) -> Run:
    def run(network: nn.Module, inputs: Tensor, labels: Tensor, norm: Distance, passes: int) -> Tensor:
        kind = getattr(importlib.import_module("foolbox.attacks"), name)
        return _foolbox(network, kind(steps=passes), inputs, labels)

    return run


def _foolbox_cw(network: nn.Module, inputs: Tensor, labels: Tensor, norm: Distance, passes: int) -> Tensor:
    """Without abort_early, which stops by the sum of the batch; with few steps the larger step size is the better."""
    kind = importlib.import_module("foolbox.attacks").L2CarliniWagnerAttack
    attack = kind(binary_search_steps=ROUNDS, steps=passes // ROUNDS, stepsize=0.1, abort_early=False)
    return _foolbox(network, attack, inputs, labels)


def _foolbox_deepfool(network: nn.Module, inputs: Tensor, labels: Tensor, norm: Distance, passes: int) -> Tensor:
    attacks = importlib.import_module("foolbox.attacks")
    kind = attacks.L2DeepFoolAttack if norm == "l2" else attacks.LinfDeepFoolAttack
    return _foolbox(network, kind(steps=50), inputs, labels)


def _torchattacks_cw(network: nn.Module, inputs: Tensor, labels: Tensor, norm: Distance, passes: int) -> Tensor:
    """It takes one constant: the nearest of three, each with its share of the passes."""
    kind, best = importlib.import_module("torchattacks").CW, inputs
    for constant in CONSTANTS:
        found = kind(network, c=constant, steps=passes // len(CONSTANTS), lr=0.1)(inputs, labels).detach()
        plain = network.network
        assert isinstance(plain, nn.Module)  # judged without being counted
        nearer = distances(plain, inputs, labels, found, norm) < distances(plain, inputs, labels, best, norm)
        best = torch.where(nearer[:, None, None, None], found, best)
    return best


def _art(
    name: Literal["CarliniL2Method", "DeepFool"], settings: dict[str, float], network: nn.Module, inputs: Tensor
) -> Tensor:
    """It is told no labels: an image that is misread as it is does not count for it."""
    model = importlib.import_module("art.estimators.classification").PyTorchClassifier(
        network, nn.CrossEntropyLoss(), inputs.shape[1:], CLASSES, clip_values=(0.0, 1.0), device_type="cpu"
    )
    kind = getattr(importlib.import_module("art.attacks.evasion"), name)
    attack = kind(model, batch_size=len(inputs), verbose=False, **settings)
    return torch.from_numpy(attack.generate(inputs.numpy()))


def _art_cw(network: nn.Module, inputs: Tensor, labels: Tensor, norm: Distance, passes: int) -> Tensor:
    """Each of its iterations tries up to ten step sizes, which are passes too."""
    settings = {"binary_search_steps": ROUNDS, "max_iter": passes // (10 * ROUNDS), "learning_rate": 0.1}
    return _art("CarliniL2Method", settings, network, inputs)


def _art_deepfool(network: nn.Module, inputs: Tensor, labels: Tensor, norm: Distance, passes: int) -> Tensor:
    """epsilon is the overshoot; its default of 1e-6 rarely leaves the class in float32."""
    return _art("DeepFool", {"max_iter": 50, "epsilon": 0.02, "nb_grads": CLASSES}, network, inputs)


def _ddn(network: nn.Module, inputs: Tensor, labels: Tensor, norm: Distance, passes: int) -> Tensor:
    found: Tensor = _adv_lib().ddn(network, inputs, labels, steps=passes, levels=None)  # else rounded to 255ths
    return found


def _fmn(network: nn.Module, inputs: Tensor, labels: Tensor, norm: Distance, passes: int) -> Tensor:
    found: Tensor = _adv_lib().fmn(network, inputs, labels, norm=ORDER[norm], steps=passes)
    return found


def _num_steps(name: Literal["alma", "pdgd", "sigma_zero"]) -> Run:
    def run(network: nn.Module, inputs: Tensor, labels: Tensor, norm: Distance, passes: int) -> Tensor:
        found: Tensor = getattr(_adv_lib(), name)(network, inputs, labels, num_steps=passes)
        return found

    return run


def _pdpgd(network: nn.Module, inputs: Tensor, labels: Tensor, norm: Distance, passes: int) -> Tensor:
    found: Tensor = _adv_lib().pdpgd(network, inputs, labels, norm=ORDER[norm], num_steps=passes)
    return found


def _sdf(network: nn.Module, inputs: Tensor, labels: Tensor, norm: Distance, passes: int) -> Tensor:
    found: Tensor = _adv_lib().sdf(network, inputs, labels, steps=10, df_steps=20)  # it has no other end
    return found


def _adv_lib_cw_l2(network: nn.Module, inputs: Tensor, labels: Tensor, norm: Distance, passes: int) -> Tensor:
    attack, steps = _adv_lib().carlini_wagner_l2, passes // ROUNDS
    found: Tensor = attack(
        network, inputs, labels, max_iterations=steps, binary_search_steps=ROUNDS, learning_rate=0.1, abort_early=False
    )
    return found


def _adv_lib_cw_linf(network: nn.Module, inputs: Tensor, labels: Tensor, norm: Distance, passes: int) -> Tensor:
    found: Tensor = _adv_lib().carlini_wagner_linf(network, inputs, labels, max_iterations=passes // 10)
    return found


PEERS = (
    Attack("foolbox", "DDN", ("l2",), ALL, _foolbox_steps("DDNAttack")),
    Attack("foolbox", "FMN", ("l2",), ALL, _foolbox_steps("L2FMNAttack")),
    Attack("foolbox", "FMN", ("linf",), ALL, _foolbox_steps("LInfFMNAttack")),
    Attack("foolbox", "FMN", ("l0",), ALL, _foolbox_steps("L0FMNAttack")),
    Attack("foolbox", "C&W", ("l2",), (400, 1000), _foolbox_cw),
    Attack("foolbox", "DeepFool", ("l2", "linf"), (0,), _foolbox_deepfool),
    Attack("torchattacks", "C&W", ("l2",), ALL, _torchattacks_cw),
    Attack("ART", "C&W", ("l2",), (1000,), _art_cw),
    Attack("ART", "DeepFool", ("l2",), (0,), _art_deepfool),
    Attack("adv-lib", "DDN", ("l2",), ALL, _ddn),
    Attack("adv-lib", "FMN", ("l2", "linf", "l0"), ALL, _fmn),
    Attack("adv-lib", "ALMA", ("l2",), ALL, _num_steps("alma")),
    Attack("adv-lib", "PDGD", ("l2",), ALL, _num_steps("pdgd")),
    Attack("adv-lib", "PDPGD", ("l2", "linf", "l0"), ALL, _pdpgd),
    Attack("adv-lib", "SDF", ("l2",), (0,), _sdf),
    Attack("adv-lib", "sigma-zero", ("l0",), ALL, _num_steps("sigma_zero")),
    Attack("adv-lib", "C&W", ("l2",), (400, 1000), _adv_lib_cw_l2),
    Attack("adv-lib", "C&W", ("linf",), (1000,), _adv_lib_cw_linf),
)
