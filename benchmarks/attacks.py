"""PGD with 20 steps on ResNet-18, l2 and linf, beside robustness, foolbox and torchattacks at equal steps."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import peers
from benchmarks.clock import interleaved
from benchmarks.networks import SUBJECTS, data_of, inner, trained
from benchmarks.pages import Claim, write
from featsplit.attacks import pgd
from featsplit.geometry import Norm
from featsplit.models.classifier import Classifier
from featsplit.runtime import Machine, frozen

STEPS, COUNT, CHECKED = 20, 100, 16
THREATS: dict[Norm, float] = {"l2": 0.25, "linf": 2 / 255}
Run = Callable[[Tensor, Tensor], Tensor]


def measure(results: Path, *, data_root: Path | None) -> bool:
    """Write the table; whether it is as much faster as it was to be, and no weaker."""
    subject = SUBJECTS["ResNet-18, 32 x 32"]
    data = data_of(subject, data_root)
    network = trained(subject, data)
    inputs, labels = data.test.inputs(slice(0, COUNT)), data.test.labels[:COUNT]
    few, figures, claims = slice(0, CHECKED), dict[str, Any](), list[Claim]()
    table = [["norm, eps", "attack", f"seconds for {COUNT} images", "times ours", "accuracy"]]
    for norm, eps in THREATS.items():
        plan: dict[str, Any] = {"norm": norm, "eps": eps, "steps": STEPS, "step_size": 2.5 * eps / STEPS}
        runs = _runs(network, plan)
        _check(network, runs, inner(inputs[few]), labels[few], plan)
        seconds = interleaved({name: partial(run, inputs, labels) for name, run in runs.items()})
        right = {name: _accuracy(network, run, inputs, labels) for name, run in runs.items()}
        ours, stopped = seconds["featsplit"], seconds.pop("featsplit, until won")
        figures[norm] = {"eps": eps, "seconds": {**seconds, "featsplit, until won": stopped}, "accuracy": right}
        for name, value in figures[norm]["seconds"].items():
            table.append([f"{norm}, {eps:.4f}", name, f"{value:.2f}", f"{value / ours:.2f}", f"{right[name]:.3f}"])
        others = [name for name in seconds if not name.startswith("featsplit")]
        fastest = min(seconds[name] for name in others)
        claims.append(Claim(f"{norm}: times faster than the fastest peer", fastest / ours, 2.2))
        weaker = right["featsplit"] - min(right[name] for name in others)
        claims.append(Claim(f"{norm}: accuracy left above the strongest peer's", weaker, 1 / COUNT, most=True))
    text = (
        f"A ResNet-18 trained adversarially on real CIFAR-10, its weights frozen for all; {STEPS} steps for each, no "
        "random start; median of 5 rounds, all in turn. That foolbox and torchattacks take our steps in float32, and "
        "that robustness' examples, its best by the loss, are read as our best by the margin, is asserted, on images"
        " without a pixel at 0 or 1 (from torch 2.15 on, robustness' clipping gives such pixels no gradient, "
        "which weakens it and is none of its doing). `until won` is what `featsplit evaluate` runs: the same accuracy."
    )
    return write(results, "attacks", "PGD, 20 steps", text, [table], claims, figures)


def _runs(network: Classifier, plan: dict[str, Any]) -> dict[str, Run]:
    fast, exact = frozen(network), frozen(network, Machine(precision="float32"))
    return {
        "featsplit": lambda inputs, labels: pgd(fast, inputs, labels, rough=1.0, **plan),
        "featsplit, until won": lambda inputs, labels: pgd(fast, inputs, labels, rough=1.0, until_won=True, **plan),
        "featsplit, float32": lambda inputs, labels: pgd(exact, inputs, labels, **plan),
        "foolbox": lambda inputs, labels: peers.foolbox_pgd(network, inputs, labels, **plan),
        "torchattacks": lambda inputs, labels: peers.torchattacks_pgd(network, inputs, labels, **plan),
        "robustness": lambda inputs, labels: peers.robustness_pgd(network, inputs, labels, **plan),
    }


def _accuracy(network: Classifier, run: Run, inputs: Tensor, labels: Tensor) -> float:
    """The share still read rightly, over the whole batch: an image misread without an attack counts as wrong."""
    parts = zip(torch.split(inputs, 50), torch.split(labels, 50), strict=True)
    attacked = torch.cat([run(part, own) for part, own in parts])
    with torch.no_grad():
        held = (network(inputs).argmax(1) == labels) & (network(attacked).argmax(1) == labels)
    return float(held.float().mean())


def _check(network: Classifier, runs: dict[str, Run], inputs: Tensor, labels: Tensor, plan: dict[str, Any]) -> None:
    """foolbox and torchattacks return the last iterate of the steps that we take; all read their results as ours."""
    last = pgd(frozen(network, Machine(precision="float32")), inputs, labels, keep="last", **plan)
    best = runs["featsplit, float32"](inputs, labels)
    for name, ours in (("foolbox", last), ("torchattacks", last), ("robustness", best)):
        theirs = runs[name](inputs, labels)
        same = float(((ours - theirs).flatten(1).abs().amax(dim=1) < 1e-3).float().mean())
        assert name == "robustness" or same > 0.8, f"{name}: the same images on {same}"
        with torch.no_grad():
            agree = float((network(ours).argmax(1) == network(theirs).argmax(1)).float().mean())
        assert agree > 0.9, f"{name}: read alike on {agree}"
