"""AutoAttack (Croce and Hein 2020, arXiv:2003.01690), by the package pyautoattack. All contact with it is here."""

import importlib
import importlib.util
import logging
from typing import Any

import torch
from torch import Tensor

from featsplit.errors import FeatsplitError, warn
from featsplit.geometry import Norm
from featsplit.models.classifier import Classifier


def check_installed(place: str) -> None:
    """Raise FeatsplitError at `place` where pyautoattack is not installed."""
    if importlib.util.find_spec("pyautoattack") is None:
        raise FeatsplitError(f"{place}: AutoAttack is not installed; pip install pyautoattack")


def autoattack(network: Classifier, inputs: Tensor, labels: Tensor, *, norm: Norm, eps: float, seed: int = 0) -> Tensor:
    """Adversarial inputs by the standard version of AutoAttack, (N, C, H, W); an image that holds is as it was.

    APGD on the cross-entropy, targeted APGD, targeted FAB and Square, each on the images that the last one left. The
    targeted parts take all K - 1 other classes below 10 classes; the targeted DLR loss of APGD needs 4 classes, so with
    3 its untargeted form takes its place, and with 2 there is none. Square in l2 is left out, with a warning, where
    pyautoattack cannot run it: on images of less than 5 rows, of 12, 14, 18, 19 and 24. The random numbers are those of
    the batch.
    """
    package: Any = importlib.import_module("pyautoattack")
    logging.getLogger("auto-attack").setLevel(logging.ERROR)
    others = min(network.classes - 1, 9)
    strong = {1: [], 2: ["apgd-dlr"]}.get(others, ["apgd-t"])
    attacks = ["apgd-ce", *strong, "fab-t"]
    if norm == "linf" or _tiles(inputs.shape[-2]):
        attacks.append("square")
    else:
        warn(f"Square, the last part of AutoAttack, cannot be run on images of {inputs.shape[-2]} rows in l2; left out")
    devices = [inputs.device] if inputs.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), torch.enable_grad():
        adversary = package.AutoAttack(
            network,
            norm={"l2": "L2", "linf": "Linf"}[norm],
            eps=eps,
            version="custom",
            attacks=attacks,
            seed=seed,
            device=inputs.device,
        )
        adversary.apgd.n_restarts = adversary.fab.n_restarts = 1
        adversary.apgd_targeted.n_target_classes = adversary.fab.n_target_classes = others
        attacked: Tensor = adversary.run_standard_evaluation(inputs, labels, batch_size=len(inputs))[0]
    return attacked.detach()


def _tiles(rows: int) -> bool:
    """Whether the tiles that pyautoattack's Square begins with in l2 stay in an image of so many rows."""
    side = rows // 5
    return side == 1 or (side > 1 and (rows - 5 * side) // 2 + rows // side * side <= rows)
