"""A step of training, standard and with PGD-7, beside plain float32 torch and robustness' own loop."""

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import peers
from benchmarks.clock import flops, interleaved, matmul_rate
from benchmarks.networks import SUBJECTS, Subject, data_of, inner, trained
from benchmarks.pages import Claim, write
from featsplit.models.classifier import Classifier
from featsplit.runtime import Machine, Precision
from featsplit.training import Adversary, Recipe, Trainer

PGD7 = Adversary(eps=0.25, steps=7, step_size=0.05)
LR = 1e-4


def measure(results: Path, *, data_root: Path | None) -> bool:
    """Write the table; whether an adversarial step is as much faster as it was to be."""
    rate = matmul_rate(torch.bfloat16)
    figures: dict[str, Any] = {"bf16_matmul_gflops": rate}
    table = [["network", "training", "by", "us an image", "times ours", "GFLOP/s", "of bf16 matmul"]]
    claims = []
    for name, subject in SUBJECTS.items():
        data = data_of(subject, data_root)
        network = trained(subject, data).requires_grad_(True)
        inputs, labels = data.train.inputs(slice(0, subject.batch)), data.train.labels[: subject.batch]
        for kind, adversary in (("standard", None), ("PGD-7", PGD7)):
            _check(network, inner(inputs), labels, adversary)
            seconds, work = _timed(network, subject, inputs, labels, adversary)
            figures[f"{name}, {kind}"] = {"seconds": seconds, "batch": subject.batch, "flops": work}
            ours = seconds["featsplit"]
            for by, value in seconds.items():
                reached = work / value / 1e9
                cells = [f"{1e6 * value / subject.batch:.0f}", f"{value / ours:.2f}", f"{reached:.0f}"]
                table.append([name, kind, by, *cells, f"{reached / rate:.2f}"])
            if adversary and subject.arch == "resnet18":
                claims.append(
                    Claim(f"{name}: PGD-7, times faster than plain torch", seconds["plain torch"] / ours, 2.2)
                )
    text = (
        "Real CIFAR-10; the whole step: attack, forward, backward, SGD. Median of 5 rounds, all in turn. That ours and "
        "plain torch descend the same loss in float32 is asserted. The operations are those of plain torch, counted by "
        f"torch, padding as pixels. The machine's bf16 matmul: {rate:.0f} GFLOP/s, {torch.get_num_threads()} threads."
    )
    return write(results, "steps", "A step of training", text, [table], claims, figures)


def _timed(
    network: Classifier, subject: Subject, inputs: Tensor, labels: Tensor, adversary: Adversary | None
) -> tuple[dict[str, float], int]:
    """Seconds a step by each, and its operations; every one trains a copy of `network` of its own."""
    recipe = Recipe(lr=LR, adversary=adversary)
    plain, theirs = copy.deepcopy(network), copy.deepcopy(network)
    sgd = partial(torch.optim.SGD, lr=LR, momentum=0.9, weight_decay=5e-4)
    attack: dict[str, Any] = {"eps": None, "steps": 0, "step_size": 0.0}
    if adversary:
        attack = {"eps": adversary.eps, "steps": adversary.steps, "step_size": adversary.step_size}
    plainly = partial(_plain_step, plain, sgd(plain.parameters()), inputs, labels, adversary)
    calls: dict[str, Callable[[], object]] = {
        "featsplit": partial(Trainer(copy.deepcopy(network).train(), recipe).step, inputs, labels),
        "featsplit, float32": partial(
            Trainer(copy.deepcopy(network).train(), recipe, Machine(precision="float32")).step, inputs, labels
        ),
        "plain torch": plainly,
        "robustness": partial(
            peers.robustness_training_step, theirs, inputs, labels, optimiser=sgd(theirs.parameters()), **attack
        ),
    }
    return interleaved(calls), _flops(network, inputs, labels, adversary)


def _flops(network: Classifier, inputs: Tensor, labels: Tensor, adversary: Adversary | None) -> int:
    """Of a standard step, and of the adversary's steps: each a forward pass and a backward pass to the images."""
    spare, fixed = copy.deepcopy(network), copy.deepcopy(network).eval().requires_grad_(False)
    step = partial(_plain_step, spare, torch.optim.SGD(spare.parameters()), inputs, labels, None)
    return flops(step) + (adversary.steps * flops(partial(_to_the_images, fixed, inputs)) if adversary else 0)


def _to_the_images(network: Classifier, inputs: Tensor) -> Tensor:
    current = inputs.detach().requires_grad_(True)
    return torch.autograd.grad(network.logits(current).sum(), current)[0]  # torch's counter refuses a module's leaf


def _plain_step(
    network: Classifier, optimiser: torch.optim.Optimizer, inputs: Tensor, labels: Tensor, adversary: Adversary | None
) -> Tensor:
    """The step as anyone would write it."""
    attacked = inputs
    if adversary is not None:
        network.eval()
        for _ in range(adversary.steps):
            attacked = attacked.detach().requires_grad_(True)
            loss = F.cross_entropy(network(attacked), labels, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, attacked)
            step_size = adversary.step_size or 0.0
            moved = (
                attacked + step_size * gradient / gradient.flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None, None]
            )
            delta = moved.detach() - inputs
            length = delta.flatten(1).norm(dim=1)[:, None, None, None]
            attacked = (inputs + delta * (adversary.eps / length.clamp_min(adversary.eps))).clamp(0, 1)
    loss = F.cross_entropy(network.train()(attacked.detach()), labels)
    optimiser.zero_grad()
    torch.autograd.backward(loss)
    optimiser.step()
    return loss.detach()


def _check(network: Classifier, inputs: Tensor, labels: Tensor, adversary: Adversary | None) -> None:
    """Ours in float32 descends the loss that plain torch and robustness do; in bfloat16 it is near."""
    plain, theirs = copy.deepcopy(network), copy.deepcopy(network)
    sgd = partial(torch.optim.SGD, lr=LR)
    expected = _plain_step(plain, sgd(plain.parameters()), inputs, labels, adversary)
    tolerances: dict[Precision, float] = {"float32": 2e-3, "auto": 3e-2}
    for precision, near in tolerances.items():
        trainer = Trainer(copy.deepcopy(network).train(), Recipe(adversary=adversary), Machine(precision=precision))
        torch.testing.assert_close(trainer.step(inputs, labels)[0], expected, rtol=near, atol=0)
    attack: dict[str, Any] = {"eps": None, "steps": 0, "step_size": 0.0}
    if adversary:
        attack = {"eps": adversary.eps, "steps": adversary.steps, "step_size": adversary.step_size}
    found = peers.robustness_training_step(theirs, inputs, labels, optimiser=sgd(theirs.parameters()), **attack)
    torch.testing.assert_close(torch.tensor(found), expected, rtol=2e-3, atol=0)
