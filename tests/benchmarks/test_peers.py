"""The peers that benchmarks time against us: each does what it is said to do, and as often as it is said to.

foolbox and torchattacks take our steps. robustness differs in two things: it clamps to [0, 1] inside the network, where
the gradient of clamp may be 0 at the bounds, and it keeps the iterate of greatest cross-entropy, not the last.
"""

import importlib
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks import peers
from featsplit.attacks import margin, pgd
from featsplit.geometry import NORMS, Norm, lengths
from featsplit.models.build import build
from featsplit.models.classifier import Classifier

SHAPE = (1, 8, 8)
LABELS = torch.arange(6) % 4
EPS: dict[Norm, float] = {"l2": 0.8, "linf": 0.1}
norms = pytest.mark.parametrize("norm", NORMS)
architectures = pytest.mark.parametrize("arch", ["linear", "cnn"])
paces = pytest.mark.parametrize("pace", [0.3, 2.0], ids=["short", "long"])


def images(seed: int = 0) -> Tensor:
    """6 images, of which some pixels are black and some white."""
    return (1.2 * torch.rand((6, *SHAPE), generator=torch.Generator().manual_seed(seed)) - 0.1).clamp(0, 1)


def network(arch: str) -> Classifier:
    """A random classifier that normalises."""
    model = build(arch, shape=SHAPE, classes=4)
    model.normalise_by(images(9))
    return model.eval()


def torchattacks_pgd(
    network: Classifier, inputs: Tensor, labels: Tensor, *, norm: Norm, eps: float, steps: int, step_size: float
) -> Tensor:
    if not (peers.CACHE / peers.TORCHATTACKS).is_dir():
        pytest.skip("torchattacks is not installed; benchmarks.peers.torchattacks_folder() does it")
    return peers.torchattacks_pgd(network, inputs, labels, norm=norm, eps=eps, steps=steps, step_size=step_size)


@norms
@architectures
@paces
@pytest.mark.parametrize("peer", [peers.foolbox_pgd, torchattacks_pgd], ids=["foolbox", "torchattacks"])
def test_pgd_of_a_peer_is_ours(peer: Callable[..., Tensor], norm: Norm, arch: str, pace: float) -> None:
    model, inputs, eps = network(arch), images(), EPS[norm]
    found = peer(model, inputs, LABELS, norm=norm, eps=eps, steps=5, step_size=pace * eps)
    ours = pgd(model, inputs, LABELS, norm=norm, eps=eps, steps=5, step_size=pace * eps, keep="last")
    torch.testing.assert_close(found, ours, rtol=0, atol=1e-5)
    assert not found.requires_grad


@norms
@architectures
@paces
def test_pgd_of_robustness_is_our_iterate_of_greatest_loss(norm: Norm, arch: str, pace: float) -> None:
    model, inputs, eps = network(arch), images(), EPS[norm]
    found = peers.robustness_pgd(model, inputs, LABELS, norm=norm, eps=eps, steps=5, step_size=pace * eps)
    iterates = torch.stack(
        [
            pgd(
                lambda point: model.logits(point.clamp(0, 1)),
                inputs,
                LABELS,
                norm=norm,
                eps=eps,
                steps=steps,
                step_size=pace * eps,
                keep="last",
            )
            for steps in range(6)
        ]
    )
    losses = torch.stack([F.cross_entropy(model(iterate), LABELS, reduction="none") for iterate in iterates])
    chosen = losses.argmax(dim=0)
    torch.testing.assert_close(found, iterates[chosen, torch.arange(6)], rtol=0, atol=1e-5)
    assert pace < 1 or (chosen < 5).any(), "after long steps the last iterate is not always the best"
    assert not found.requires_grad


@norms
@architectures
@pytest.mark.parametrize(
    "peer",
    [peers.robustness_pgd, peers.foolbox_pgd, torchattacks_pgd],
    ids=["robustness", "foolbox", "torchattacks"],
)
def test_pgd_of_a_peer_lowers_the_margin_in_its_ball(peer: Callable[..., Tensor], norm: Norm, arch: str) -> None:
    model, inputs, eps = network(arch), images(), EPS[norm]
    found = peer(model, inputs, LABELS, norm=norm, eps=eps, steps=5, step_size=0.3 * eps)
    assert ((found >= 0) & (found <= 1)).all()
    assert (lengths(found - inputs, norm) <= eps + 1e-5).all()
    assert (margin(model(found), LABELS) < margin(model(inputs), LABELS)).all()


@paces
def test_match_of_robustness_is_the_loop_of_its_docs(pace: float) -> None:
    """In float64, as long steps make much of little differences."""
    model, inputs, point = network("cnn").double(), images().double(), images(1).double()
    found = peers.robustness_match(model, inputs, point, steps=8, step_size=pace)
    target = model.representation(inputs).detach()
    points, losses = [], []
    for step in range(9):
        point = point.clone().requires_grad_(True)
        loss = (model.representation(point.clamp(0, 1)) - target).norm(dim=1) / target.norm(dim=1)
        points.append(point.detach())
        losses.append(loss.detach())
        if step < 8:
            (gradient,) = torch.autograd.grad(loss.mean(), point)
            unit = gradient / (gradient.flatten(1).norm(dim=1)[:, None, None, None] + 1e-10)
            point = (point - pace * unit).detach().clamp(0, 1)
    chosen = torch.stack(losses).argmin(dim=0)
    torch.testing.assert_close(found, torch.stack(points)[chosen, torch.arange(6)], rtol=0, atol=1e-8)
    assert pace < 1 or (chosen < 8).any(), "after long steps the last iterate is not always the nearest"
    assert (losses[0] > 1.1 * torch.stack(losses).amin(dim=0)).all(), "it came nearer"
    assert not found.requires_grad


@pytest.mark.parametrize("eps", [None, 0.8], ids=["standard", "adversarial"])
def test_training_step_is_that_of_the_loop_of_robustness(eps: float | None) -> None:
    """Two steps, so that momentum counts, against `robustness.train._model_loop` itself on a loader of two batches."""
    ours, theirs = network("cnn"), network("cnn")
    batches = [(images(seed), LABELS) for seed in (0, 1)]
    momentum = optimiser(ours)
    losses = [
        peers.robustness_training_step(ours, inputs, labels, optimiser=momentum, eps=eps, steps=3, step_size=0.5)
        for inputs, labels in batches
    ]
    mean_loss = their_loop(theirs, batches, eps=eps)
    assert sum(losses) / 2 == pytest.approx(mean_loss, rel=1e-6)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=0, atol=1e-6)
    before = network("cnn").state_dict()
    assert all((value != before[name]).any() for name, value in ours.body.state_dict(prefix="body.").items())


def optimiser(model: Classifier) -> torch.optim.SGD:
    return torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)


def their_loop(model: Classifier, batches: list[tuple[Tensor, Tensor]], *, eps: float | None) -> float:
    """The mean loss of an epoch of robustness' own training loop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escape sequences in docstrings; no apex
        train: Any = importlib.import_module("robustness.train")
    settings = SimpleNamespace(
        eps=eps, constraint="2", attack_lr=0.5, attack_steps=3, random_start=0, random_restarts=0, use_best=1
    )
    settings.custom_eps_multiplier, settings.mixed_precision = None, False
    with peers.without_cuda():
        arguments = (settings, "train", batches, peers.robustness_model(model), optimiser(model), 0)
        _, loss = train._model_loop(*arguments, eps is not None, None)
    return float(loss)


def train_once(model: Classifier, inputs: Tensor, labels: Tensor, *, steps: int, step_size: float, **_: object) -> None:
    peers.robustness_training_step(
        model, inputs, labels, optimiser=optimiser(model), eps=0.5, steps=steps, step_size=step_size
    )


def match_once(model: Classifier, inputs: Tensor, _: Tensor, *, steps: int, step_size: float, **__: object) -> None:
    peers.robustness_match(model, inputs, images(1), steps=steps, step_size=step_size)


COSTS = {
    "robustness_match": (match_once, 2, 4),
    "robustness_pgd": (peers.robustness_pgd, 1, 2),
    "robustness_training_step": (train_once, 1, 2),
    "foolbox_pgd": (peers.foolbox_pgd, 1, 1),
    "torchattacks_pgd": (torchattacks_pgd, 1, 0),
}


@pytest.mark.parametrize(("run", "each", "besides"), COSTS.values(), ids=COSTS)
def test_what_a_peer_costs_in_forward_passes(run: Callable[..., object], each: int, besides: int) -> None:
    model, calls = network("cnn"), []
    model.body.register_forward_hook(lambda *_: calls.append(1))
    for steps in (3, 7):
        calls.clear()
        run(model, images(), LABELS, norm="l2", eps=0.5, steps=steps, step_size=0.1)
        assert len(calls) == each * steps + besides


@pytest.mark.parametrize("fails", [False, True])
def test_cuda_is_a_no_op_and_comes_back(fails: bool) -> None:
    before, value, module = (Tensor.cuda, nn.Module.cuda), torch.zeros(2), nn.Linear(2, 2)
    try:
        with peers.without_cuda():
            assert value.cuda(non_blocking=True) is value
            assert module.cuda(0) is module
            assert Tensor.cuda != before[0]
            assert nn.Module.cuda != before[1]
            if fails:
                raise KeyError
    except KeyError:
        assert fails
    assert (Tensor.cuda, nn.Module.cuda) == before
    assert "cuda" not in vars(Tensor), "torch has it from its C++ base"


def test_torchattacks_leaves_no_trace_on_the_path() -> None:
    torchattacks_pgd(network("linear"), images(), LABELS, norm="l2", eps=0.5, steps=1, step_size=0.5)
    assert not [entry for entry in sys.path if str(peers.CACHE) in entry]
    assert Path(sys.modules["torchattacks"].__file__ or "").is_relative_to(peers.CACHE)


@pytest.mark.parametrize("outcome", ["whole", "stopped"])
def test_torchattacks_is_installed_once_and_whole(
    outcome: Literal["whole", "stopped"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = []

    def pip(command: list[str], *, check: bool) -> None:
        commands.append(command)
        target = Path(command[command.index("--target") + 1])
        (target / "torchattacks").mkdir(parents=True)
        if outcome == "stopped":
            raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(peers, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(subprocess, "run", pip)
    for _ in range(2):
        if outcome == "stopped":
            with pytest.raises(subprocess.CalledProcessError):
                peers.torchattacks_folder()
        else:
            assert (peers.torchattacks_folder() / "torchattacks").is_dir()
    assert len(commands) == (1 if outcome == "whole" else 2)
    assert "--no-deps" in commands[0]
    assert commands[0][-1] == "torchattacks==3.5.1"
    left = {path.name for path in (tmp_path / "cache").iterdir()}
    assert left == ({".gitignore", "torchattacks==3.5.1"} if outcome == "whole" else {".gitignore"})
