"""featsplit init: a file that runs, of settings that suit the data; what is said where nothing will come of it."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.errors import FeatsplitError
from featsplit.records.data import DataSpec
from featsplit.records.models import SMALL_ARCHITECTURES
from featsplit.runtime import CPU, Machine
from featsplit.studies import read_settings
from featsplit.studies.ilyas2019.estimate import Counts, Pace, expected
from featsplit.studies.ilyas2019.settings import Settings
from featsplit.studies.ilyas2019.suited import Look, side_of, suited
from tests.least import call

PACE = Pace(train=2e-3, attack=1e-3, predict=3e-4)
LOOK = Look(Counts(5000, 1000), (3, 16, 16), 10, 4.0, 0.1, 0.6, PACE)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of grey squares: bright on the left, on the right, or nowhere."""
    draw = np.random.default_rng(0)
    labels = np.arange(480) % 3
    images = draw.integers(0, 120, (480, 10, 10)).astype(np.uint8)
    images[labels == 0, :, :4] += 130
    images[labels == 1, :, 6:] += 130
    path = tmp_path_factory.mktemp("data") / "squares.npz"
    x_train, y_train, x_test, y_test = images[:420], labels[:420], images[420:], labels[420:]
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


@pytest.mark.slow
def test_the_file_is_that_of_a_run(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    text, _ = call(f"init npz:{data} --out {file} --budget 10m --device cpu")
    assert re.search(r"\n[0-9.]+ minutes by [0-9]+ processes of this machine: featsplit run", text)
    settings = read_settings(str(file))
    assert isinstance(settings, Settings)
    assert settings.model.arch in SMALL_ARCHITECTURES
    assert 0.1 < settings.perturb.eps < 3
    written = file.read_text()
    assert "# D_rand and D_det: how far an image may go to its new label\n[perturb]" in written
    assert re.search(r"# 420 training images.*, 60 test images, 3 classes", written)
    assert tomllib.loads(written)["data"]["source"].endswith("squares.npz")
    found = CliRunner().invoke(app, ["init", f"npz:{data}", "--out", str(file)])
    assert isinstance(found.exception, FeatsplitError), "it replaces nothing"


def test_more_time_is_used_for_more_images_and_then_for_longer_training() -> None:
    found = [
        suited(LOOK, DataSpec("cifar10", resize=16), name="t", machine=CPU, budget=budget, processes=2)
        for budget in (60, 600, 6000)
    ]
    limits = [one.settings.data.limit or LOOK.counts.train for one in found]
    assert limits == sorted(limits)
    assert limits[0] < limits[1]
    assert found[2].settings.data.limit is None
    assert found[2].settings.train.rand.epochs > found[1].settings.train.rand.epochs * limits[1] / limits[2]
    for one, budget in zip(found[1:], (600, 6000), strict=True):
        assert 0.2 * budget < one.seconds <= budget


def test_eps_are_between_fooling_a_network_and_another_class() -> None:
    near = LOOK._replace(fooled=0.02)
    spec = DataSpec("cifar10", resize=16)
    eps = suited(near, spec, name="t", machine=CPU, budget=600, processes=2).settings.perturb.eps
    assert eps == 0.16
    far = LOOK._replace(fooled=5.0)
    settings = suited(far, spec, name="t", machine=CPU, budget=600, processes=2).settings
    adversary = settings.train.adversarial.adversary
    assert settings.perturb.eps == 3.0
    assert adversary is not None
    assert adversary.eps == 2.0


def test_time_is_that_of_the_steps_that_are_taken() -> None:
    settings = suited(LOOK, DataSpec("cifar10"), name="t", machine=CPU, budget=6000, processes=1).settings
    stages, took = expected(settings, LOOK.counts, PACE, processes=1)
    twice, longer = expected(settings, Counts(10000, 1000), PACE, processes=1)
    assert sum(stages.values()) == pytest.approx(took.sum)
    assert 1.7 < sum(twice.values()) / sum(stages.values()) <= 2, "the epochs are as many"
    assert stages["adversarial"] > stages["standard"] * 0.8
    _, by_two = expected(settings, LOOK.counts, PACE, processes=2)
    assert 1.5 < took.seconds / by_two.seconds <= 2
    assert longer.seconds > took.seconds


def test_large_images_are_brought_to_a_size_that_a_cpu_can_do() -> None:
    assert [side_of((3, side, side), CPU, 600) for side in (8, 20, 28, 32, 40, 64)] == [None, None, 14, 16, 20, 16]
    assert [side_of((3, side, side), CPU, 7200) for side in (32, 40, 64)] == [None, None, 32]
    assert side_of((3, 30, 50), CPU, 7200) == 30
    assert side_of((3, 23, 23), CPU, 600) == 20
    assert side_of((3, 64, 64), Machine(torch.device("cuda")), 600) is None


@pytest.mark.parametrize("budget", ["10", "m", "0m", "1e3s", "ten minutes"])
def test_a_budget_is_a_time(budget: str, tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["init", "digits", "--budget", budget, "--out", f"{tmp_path}/a.toml"])
    assert isinstance(found.exception, FeatsplitError)
    assert "must be a time such as 90s, 10m or 2h" in str(found.exception)
