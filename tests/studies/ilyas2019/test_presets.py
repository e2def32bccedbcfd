"""The presets that take days on a GPU: their settings are the paper's, and their path is whole, small on a CPU."""

from pathlib import Path

import numpy as np
import pytest

from featsplit.descent import Normalised
from featsplit.engine.study import presets
from featsplit.metadata.derived_sets import FOUR
from featsplit.metadata.plain import mapping
from featsplit.models import ARCHITECTURES
from featsplit.studies import read_settings
from featsplit.studies.ilyas2019.settings import EXPERIMENTS, NETWORKS
from tests.rows import read, run_quietly


def test_paper_cifar10_has_the_papers_settings() -> None:
    """Tables 3, 5 and 6 and appendix C of arXiv:1905.02175, and the defaults of `robustness` for CIFAR."""
    settings = read("paper-cifar10")
    recipes = {name: getattr(settings.train, name) for name in NETWORKS}
    table = {name: (r.lr, r.batch_size, bool(r.augment)) for name, r in recipes.items() if name in FOUR}
    yes, no = (0.1, 128, True), (0.1, 128, False)
    assert table == {"robust": yes, "nonrobust": yes, "rand": (0.01, 128, True), "det": no}
    for recipe in recipes.values():
        assert (recipe.epochs, recipe.momentum, recipe.weight_decay) == (150, 0.9, 5e-4)
        assert [recipe.rate(epoch) / recipe.lr for epoch in (49, 50, 100)] == pytest.approx([1, 0.1, 0.01])
        assert recipe.augment in ((), ("crop", "flip", "color-jitter", "rotation"))
        assert not recipe.nesterov
    adversary = settings.train.adversarial.adversary
    assert adversary is not None
    assert (adversary.norm, adversary.eps, adversary.plan(), adversary.random_start) == ("l2", 0.5, (7, 0.1), False)
    matched = settings.match.sized((3, 32, 32))
    assert (matched.rule, matched.steps, matched.tolerance) == (Normalised(0.1), 1000, 0)
    perturb = settings.perturb
    assert (perturb.norm, perturb.eps, perturb.steps, perturb.step_size) == ("l2", 0.5, 100, 0.1)
    assert (settings.data.source, settings.model.arch) == ("cifar10", "resnet50")
    assert settings.data.limit is settings.data.resize is None
    assert set(settings.experiments) == set(EXPERIMENTS)
    assert set(settings.architectures) == {"vgg16", "inception-v3", "resnet18", "densenet", "resnet50"}
    assert (settings.scrutiny.images, settings.scrutiny.steps) == (1000, 2500)
    assert settings.precision == "float32"


def test_restricted_imagenet_has_the_papers_settings() -> None:
    settings = read("restricted-imagenet")
    recipes = {name: getattr(settings.train, name) for name in ("robust", "rand", "det")}
    table = {name: (recipe.lr, recipe.batch_size, bool(recipe.augment)) for name, recipe in recipes.items()}
    assert table == {"robust": (0.01, 256, True), "rand": (0.01, 256, False), "det": (0.05, 256, False)}
    adversary, perturb = settings.train.adversarial.adversary, settings.perturb
    assert adversary is not None
    assert (adversary.norm, adversary.eps, adversary.plan()) == ("l2", 3.0, (7, 0.6))
    assert (settings.match.rule, settings.match.steps) == (Normalised(1.0), 2000)
    assert (perturb.norm, perturb.eps, perturb.steps, perturb.step_size) == ("l2", 3.0, 100, 0.1)
    assert settings.model.arch in ARCHITECTURES


def test_restricted_imagenet_takes_the_same_path_small_on_a_cpu(
    imagenet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a made-up ImageNet to every row, with one epoch of a small network at 16 x 16."""
    monkeypatch.setenv("FEATSPLIT_CACHE", str(tmp_path / "cache"))
    small = [f"data.source=restricted-imagenet:{imagenet}", "data.resize=16", "model.arch=resnet8", "model.width=8"]
    short = ["train.epochs=1", "match.steps=3", "perturb.steps=3", "evaluate.steps=2", "evaluate.restarts=1"]
    settings = read("restricted-imagenet", *small, *short)
    rows, told = run_quietly(settings, tmp_path / "out")
    clean = {row["train_set"]: row["n"] for row in rows if row["experiment"] == "main" and row["attack"] == "none"}
    assert clean == dict.fromkeys(("source", *FOUR), 203)
    assert len([row for row in rows if row["experiment"] == "main" and row["eps"] == 3.0]) == len(NETWORKS)
    assert sum("build" in line for line in told) == len(FOUR)


def test_imagenet_resnet50_takes_the_same_path_small_on_a_cpu(tmp_path: Path) -> None:
    """Its recipes as they are, but for the epochs, on noise: warm-up, cosine, crops, and the adversary's 3 steps."""
    settings = read("imagenet-resnet50")
    adversary = settings.train.adversarial.adversary
    assert adversary is not None
    assert (adversary.norm, adversary.eps, adversary.plan()) == ("l2", 3.0, (3, 2 * 3.0 / 3))
    recipe = settings.train.standard
    assert (recipe.epochs, recipe.batch_size, recipe.weight_decay, recipe.label_smoothing) == (90, 256, 1e-4, 0.1)
    assert [recipe.rate(epoch) for epoch in (0, 2.5, 5, 47.5, 90)] == pytest.approx([0, 0.05, 0.1, 0.05, 0])
    assert recipe.augment == ("random-resized-crop", "flip")
    noise = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 16, 3), dtype=np.uint8)
    labels = np.arange(16) % 4
    np.savez(tmp_path / "noise.npz", x_train=noise[0], y_train=labels, x_test=noise[1], y_test=labels)
    small = [f"data.source=npz:{tmp_path}/noise.npz", "model.arch=resnet8", "model.width=8", "train.batch_size=8"]
    short = ["train.epochs=2", "train.warmup=1", "match.steps=3", "perturb.steps=3", "evaluate.steps=2"]
    rows, _ = run_quietly(read("imagenet-resnet50", *small, *short), tmp_path / "out")
    assert len([row for row in rows if row["experiment"] == "main" and row["eps"] == 3.0]) == len(NETWORKS)


def test_settings_of_before_resize_mode_are_those_of_today() -> None:
    """A run that was finished before there was a resize mode still is."""
    assert "resize_mode" not in mapping(read("cifar10-mini").plain()["data"])
    assert mapping(read("cifar10-mini", "data.resize_mode=crop").plain()["data"])["resize_mode"] == "crop"


@pytest.mark.long
def test_the_gpu_preset_takes_the_same_path_small_on_a_cpu(tmp_path: Path) -> None:
    """ResNet-18 at 32 x 32 through every stage of the preset `cifar10`, on a few images of noise."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 16, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(16) % 4
    np.savez(tmp_path / "noise.npz", x_train=noise[0], y_train=labels, x_test=noise[1], y_test=labels)
    short = ["train.epochs=1", "train.batch_size=8", "match.steps=3", "perturb.steps=3", "evaluate.steps=2"]
    settings = read("cifar10", f"data.source=npz:{tmp_path}/noise.npz", "experiments=[]", *short)
    rows, told = run_quietly(settings, tmp_path / "out")
    assert len([row for row in rows if row["experiment"] == "main"]) == 6 * 3 + 1
    assert sum("build" in line for line in told) == 4


def test_every_preset_is_read_and_names_its_command() -> None:
    assert set(presets()) >= {"digits", "mnist-mini", "cifar10-mini", "cifar10"}
    for name, path in presets().items():
        settings = read_settings(name)
        head = [line for line in path.read_text().splitlines() if line.startswith("#")]
        assert settings.name == name
        assert any(f"featsplit run {name}" in line for line in head)
        assert any("Expected" in line for line in head)
        assert any("Time" in line for line in head)
