"""The libraries that can do featsplit's job, called as their own documentation calls them, on the CPU.

A network is a `Classifier` in eval mode (a peer may put it there), `inputs` are (N, C, H, W) in [0, 1], `labels` (N,).
Nothing is frozen here: whether the weights require gradients is the caller's choice, and part of what is timed.
"""

import functools
import importlib
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from featsplit.geometry import Norm
from featsplit.models.classifier import Classifier

TORCHATTACKS = "torchattacks==3.5.1"
CACHE = Path(__file__).parent / ".peers"  # not the environment: torchattacks pins an old requests
CONSTRAINTS: dict[Norm, str] = {"l2": "2", "linf": "inf"}


@contextmanager
def without_cuda() -> Iterator[None]:
    """While it is open, `.cuda()` of a tensor or module returns it as it is: robustness calls it without asking."""
    with mock.patch.object(Tensor, "cuda", _itself), mock.patch.object(nn.Module, "cuda", _itself):
        yield


def robustness_model(network: Classifier) -> nn.Module:
    """robustness' `AttackerModel` around body and head of `network`, whose weights and mode it shares.

    It normalises by itself, with the mean and std of a data set, and clamps to [0, 1] before that. Where the gradient
    of clamp is 0 at its bounds (newer torch: 2.15; not 2.6), a pixel that is 0 or 1 is therefore never moved again.
    """
    dataset = SimpleNamespace(mean=network.mean, std=network.std)
    model: nn.Module = _module("robustness.attacker").AttackerModel(_WithLatent(network), dataset)
    return model


def robustness_match(network: Classifier, inputs: Tensor, starts: Tensor, *, steps: int, step_size: float) -> Tensor:
    """Images from `starts` (N, C, H, W) whose representation is near that of `inputs`, as robustness' docs invert one.

    `AttackerModel(starts, target, make_adv=True)` with custom_loss, constraint "2", eps 1000 and targeted=True, and
    its default use_best=True: of all iterates, the start and the end too, the first with the least loss.
    """
    model = robustness_model(network).eval()
    with without_cuda():
        with torch.no_grad():
            (_, target), _ = model(inputs, with_latent=True)
        attacked = model(
            starts,
            target,
            make_adv=True,
            custom_loss=_inversion_loss,
            constraint="2",
            eps=1000,
            step_size=step_size,
            iterations=steps,
            targeted=True,
            do_tqdm=False,
        )
    found: Tensor = attacked[1]
    return found


def robustness_pgd(
    network: Classifier, inputs: Tensor, labels: Tensor, *, norm: Norm, eps: float, steps: int, step_size: float
) -> Tensor:
    """`AttackerModel(inputs, labels, make_adv=True)`, constraint "2" or "inf", untargeted, from the image itself.

    Its default use_best=True: of all iterates, the start and the end too, the first with the greatest cross-entropy.
    """
    model = robustness_model(network).eval()
    with without_cuda():
        attacked = model(
            inputs,
            labels,
            make_adv=True,
            constraint=CONSTRAINTS[norm],
            eps=eps,
            step_size=step_size,
            iterations=steps,
            do_tqdm=False,
        )
    found: Tensor = attacked[1]
    return found


def robustness_training_step(
    network: Classifier,
    inputs: Tensor,
    labels: Tensor,
    *,
    optimiser: torch.optim.Optimizer,
    eps: float | None,
    steps: int,
    step_size: float,
) -> float:
    """The loss of one batch in robustness' `train._model_loop`, which `optimiser` has then descended by one step.

    Trains on l2 examples with the defaults of its command line (no random start, use_best=1), or on the images
    themselves where `eps` is None. Its progress bar and its count of right answers are left out. The network is left
    in train mode.
    """
    attack = {
        "constraint": "2",
        "eps": eps,
        "step_size": step_size,
        "iterations": steps,
        "random_start": 0,
        "custom_loss": None,
        "random_restarts": 0,
        "use_best": True,
    }
    model = robustness_model(network.train()).train()
    with without_cuda():
        output, _ = model(inputs, target=labels, make_adv=eps is not None, **({} if eps is None else attack))
    loss = F.cross_entropy(output, labels)
    optimiser.zero_grad()
    torch.autograd.backward(loss)
    optimiser.step()
    return loss.item()


def foolbox_pgd(
    network: Classifier, inputs: Tensor, labels: Tensor, *, norm: Norm, eps: float, steps: int, step_size: float
) -> Tensor:
    """The clipped examples of foolbox's `L2PGD` or `LinfPGD` (abs_stepsize, random_start=False): the last iterate.

    Its gradients come from `loss.backward()`: weights that require gradients get theirs too, and keep them in `.grad`.
    """
    foolbox = _module("foolbox")
    kind = foolbox.attacks.L2PGD if norm == "l2" else foolbox.attacks.LinfPGD
    attack = kind(abs_stepsize=step_size, steps=steps, random_start=False)
    model = foolbox.PyTorchModel(network.eval(), bounds=(0, 1), device="cpu")
    found: Tensor = attack(model, inputs, labels, epsilons=eps)[1]
    return found


def torchattacks_pgd(
    network: Classifier, inputs: Tensor, labels: Tensor, *, norm: Norm, eps: float, steps: int, step_size: float
) -> Tensor:
    """torchattacks' `PGDL2` or `PGD` (alpha is the step size, random_start=False): the last iterate."""
    torchattacks = _torchattacks()
    kind = torchattacks.PGDL2 if norm == "l2" else torchattacks.PGD
    attack = kind(network.eval(), eps=eps, alpha=step_size, steps=steps, random_start=False)
    found: Tensor = attack(inputs, labels)
    return found


def torchattacks_folder() -> Path:
    """Where torchattacks lies, by itself; pip puts it there the first time, without the packages that it pins."""
    folder = CACHE / TORCHATTACKS
    if not folder.is_dir():
        CACHE.mkdir(exist_ok=True)
        (CACHE / ".gitignore").write_text("*\n")
        with TemporaryDirectory(dir=CACHE) as scratch:
            partial = Path(scratch) / "whole"  # renamed at the end: what was stopped half-way is not taken for it
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(partial)]
            subprocess.run([*command, TORCHATTACKS], check=True)
            partial.rename(folder)
    return folder


class _WithLatent(nn.Module):
    """Normalised images to logits, or to (logits, representation), with the options of robustness' architectures.

    fake_relu and no_relu change nothing: a `Classifier` knows no ReLU before its representation.
    """

    def __init__(self, network: Classifier) -> None:
        super().__init__()
        self.body, self.head = network.body, network.head

    def forward(
        self, inputs: Tensor, *, with_latent: bool = False, fake_relu: bool = False, no_relu: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        representation = self.body(inputs)
        logits: Tensor = self.head(representation)
        return (logits, representation) if with_latent else logits


def _inversion_loss(model: nn.Module, inputs: Tensor, target: Tensor) -> tuple[Tensor, None]:
    """||g(x) - target|| / ||target|| for each image: the loss of the docs' section on representation inversion."""
    _, representation = model(inputs, with_latent=True, fake_relu=True)
    return torch.norm(representation - target, dim=1) / torch.norm(target, dim=1), None


def _itself(value: Any, *_: Any, **__: Any) -> Any:
    return value


@functools.cache
def _module(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in docstrings, imports from scipy.ndimage.filters, no apex
        return importlib.import_module(name)


@functools.cache
def _torchattacks() -> Any:
    """The package, imported from its folder; the path is as it was afterwards."""
    with mock.patch.object(sys, "path", [str(torchattacks_folder()), *sys.path]):
        return _module("torchattacks")
