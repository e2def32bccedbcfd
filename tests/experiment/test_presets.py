"""The presets that take days on a GPU: their settings are the paper's, and their path is whole, small on a CPU."""

from pathlib import Path

import pytest
import torch

from featsplit.data.sources import load_data
from featsplit.experiment.run import run
from featsplit.experiment.settings import NETWORKS, PARTS, SETS, read_experiment
from featsplit.models import ARCHITECTURES
from featsplit.rules import StepRule


def test_paper_cifar10_has_the_papers_settings() -> None:
    """Tables 3, 5 and 6 and appendix C of arXiv:1905.02175, and the defaults of `robustness` for CIFAR."""
    experiment = read_experiment("paper-cifar10")
    recipes = {name: getattr(experiment.train, name) for name in NETWORKS}
    table = {name: (r.lr, r.batch_size, bool(r.augment)) for name, r in recipes.items() if name in SETS}
    yes, no = (0.1, 128, True), (0.1, 128, False)
    assert table == {"robust": yes, "nonrobust": yes, "rand": (0.01, 128, True), "det": no}
    for recipe in recipes.values():
        assert (recipe.epochs, recipe.momentum, recipe.weight_decay) == (150, 0.9, 5e-4)
        assert [recipe.rate(epoch) / recipe.lr for epoch in (49, 50, 100)] == pytest.approx([1, 0.1, 0.01])
        assert recipe.augment in ((), ("crop", "flip", "color-jitter", "rotation"))
        assert not recipe.nesterov
    adversary = experiment.train.adversarial.adversary
    assert adversary is not None
    assert (adversary.norm, adversary.eps, adversary.plan(), adversary.random_start) == ("l2", 0.5, (7, 0.1), False)
    matched = experiment.match.sized((3, 32, 32))
    assert (matched.rule, matched.steps, matched.tolerance) == (StepRule("paper", 0.1), 1000, 0)
    perturb = experiment.perturb
    assert (perturb.norm, perturb.eps, perturb.steps, perturb.step_size) == ("l2", 0.5, 100, 0.1)
    assert (experiment.data.source, experiment.model.arch) == ("cifar10", "resnet50")
    assert experiment.data.limit is experiment.data.resize is None
    assert set(experiment.parts) == set(PARTS) - {"audit", "leakage", "bugs", "mislabelled"}
    assert set(experiment.architectures) == {"vgg16", "inception-v3", "resnet18", "densenet", "resnet50"}
    assert (experiment.scrutiny.images, experiment.scrutiny.steps) == (1000, 2500)
    assert experiment.precision == "float32"


def test_restricted_imagenet_has_the_papers_settings() -> None:
    experiment = read_experiment("restricted-imagenet")
    recipes = {name: getattr(experiment.train, name) for name in ("robust", "rand", "det")}
    table = {name: (recipe.lr, recipe.batch_size, bool(recipe.augment)) for name, recipe in recipes.items()}
    assert table == {"robust": (0.01, 256, True), "rand": (0.01, 256, False), "det": (0.05, 256, False)}
    adversary, perturb = experiment.train.adversarial.adversary, experiment.perturb
    assert adversary is not None
    assert (adversary.norm, adversary.eps, adversary.plan()) == ("l2", 3.0, (7, 0.6))
    assert (experiment.match.rule, experiment.match.steps) == (StepRule("paper", 1.0), 2000)
    assert (perturb.norm, perturb.eps, perturb.steps, perturb.step_size) == ("l2", 3.0, 100, 0.1)
    assert experiment.model.arch in ARCHITECTURES


def test_restricted_imagenet_takes_the_same_path_small_on_a_cpu(
    imagenet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a made-up ImageNet to every row, with one epoch of a small network at 16 x 16."""
    monkeypatch.setenv("FEATSPLIT_CACHE", str(tmp_path / "cache"))
    small = [f"data.source=restricted-imagenet:{imagenet}", "data.resize=16", "model.arch=resnet8", "model.width=8"]
    short = ["train.epochs=1", "match.steps=3", "perturb.steps=3", "evaluate.steps=2", "evaluate.restarts=1"]
    experiment = read_experiment("restricted-imagenet", [*small, *short])
    data, told = load_data(experiment.data), list[str]()
    rows = run(experiment, data, seeds=[0], out=tmp_path / "out", device=torch.device("cpu"), say=told.append)
    clean = {row["train_set"]: row["n"] for row in rows if row["part"] == "main" and row["attack"] == "none"}
    assert clean == dict.fromkeys(("source", *SETS), 203)
    assert len([row for row in rows if row["part"] == "main" and row["eps"] == 3.0]) == len(NETWORKS)
    assert sum("build" in line for line in told) == len(SETS)


def test_settings_of_before_resize_mode_are_those_of_today() -> None:
    """A run that was finished before there was a resize mode still is."""
    assert "resize_mode" not in read_experiment("cifar10-mini").plain()["data"]
    assert read_experiment("cifar10-mini", ["data.resize_mode=crop"]).plain()["data"]["resize_mode"] == "crop"
