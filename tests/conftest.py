"""What several tests share: the digits, and two small networks trained on them once."""

import os
import sys
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small networks: two processes of one thread beat one of two

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from featsplit.commands import app, main
from featsplit.data.imagenet import RANGES
from featsplit.data.images import ImageData
from featsplit.data.sources import DataSpec, load_data
from featsplit.models.build import ModelSpec, build
from featsplit.models.classifier import Classifier
from featsplit.training import Adversary, Recipe, train

torch.set_num_threads(1)

SLOW = (
    *("test_same_numbers", "test_counts", "engine/test_run", "engine/test_processes", "engine/test_resumed"),
    *("engine/test_made_again", "runtime/", "models/test_published", "models/test_real", "descent/test_lbfgs"),
    *("descent/test_minimize", "data/test_imagenet", "evaluation/", "studies/", "commands/test_constructions"),
    *(
        "commands/test_help",
        "commands/test_attack",
        "test_layers",
        "synthesis/",
        "training/",
        "attacks/",
        "report/test_grids",
        "exports/test_croissant",
        "exports/test_card",
        "exports/test_huggingface",
        "exports/test_share",
        "exports/test_tars",
    ),
)
"""Beginnings of the paths of tests that take long together: `make quick` leaves them out."""
LONG = (
    *("engine/test_cluster", "data/test_imagenet_memory", "commands/test_torchrun", "engine/test_locks"),
    *(
        "studies/ilyas2019/test_decided_by_chance",
        "exports/test_memory",
        "examples/",
        "test_public_names",
        "benchmarks/test_faults",
    ),
)
"""Those that take longest, a quarter of the time of all: `make test` leaves them out, `make all` does not."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, the files of `SLOW` and what waits for the run of every experiment; and what is `LONG`."""
    for item in items:
        path = item.path.relative_to(Path(__file__).parent).as_posix()
        if path.startswith(LONG):
            item.add_marker(pytest.mark.long)
        if path.startswith((*SLOW, *LONG)) or "every_experiment" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def imagenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up ImageNet: 1000 synsets, and in each of the nine ranges' an image to train on and one to test on."""
    root, rng = tmp_path_factory.mktemp("imagenet"), np.random.default_rng(0)
    for part in ("train", "val"):
        for index in range(1000):
            folder = root / part / f"n{1440764 + 13635 * index:08d}"
            folder.mkdir(parents=True)
            if any(first <= index <= last for first, last in RANGES.values()):
                height, width = rng.integers(20, 60, 2)
                pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{folder.name}_{index}.JPEG")
    return root


@pytest.fixture(scope="session")
def digits() -> ImageData:
    """600 training and 200 test images of the digits."""
    return load_data(DataSpec("digits", limit=600, limit_test=200))


@pytest.fixture
def few(digits: ImageData) -> ImageData:
    """The digits, with 90 training images."""
    return ImageData("few", digits.classes, digits.train.take(torch.arange(90)), digits.test, digits.origin)


def trained_on(data: ImageData, adversary: Adversary | None = None) -> Classifier:
    """A small residual network after a few epochs on `data`."""
    model = build(ModelSpec("resnet8", width=8, stages=2), shape=data.shape, classes=len(data.classes), seed=1)
    recipe = Recipe(
        epochs=8, batch_size=50, lr=0.1, nesterov=True, schedule="one-cycle", weight_decay=1e-3, adversary=adversary
    )
    train(model, data, recipe, seed=3)
    return model


@pytest.fixture(scope="session")
def standard(digits: ImageData) -> Classifier:
    """A network trained on the digits as usual."""
    return trained_on(digits)


@pytest.fixture(scope="session")
def robust(digits: ImageData) -> Classifier:
    """A network trained on the digits adversarially."""
    return trained_on(digits, Adversary("pgd", "l2", eps=1.0, steps=3))


EVERY_EXPERIMENT = """
study = "distill2019"
experiments = [
  "noise", "splits", "control", "architectures", "steps", "autoattack", "distance", "audit", "leakage", "bugs",
  "mislabelled",
]
architectures = ["linear", "cnn", "vgg7", "resnet8"]
[data]
source = "digits"
limit = 120
limit_test = 40
[model]
arch = "resnet8"
width = 8
stages = 2
[train]
epochs = 3
batch_size = 20
schedule = "one-cycle"
[train.adversarial]
adversary = { eps = 0.5, steps = 1 }
[match]
steps = 3
rule = { name = "lbfgs", step_size = 1.0 }
[perturb]
eps = 1.5
steps = 3
step_size = 0.5
[evaluate]
eps = [3.0]
steps = 3
restarts = 2
[scrutiny]
images = 6
steps = 105
relative_step_sizes = [1.0, 0.1]
[discussion]
ensemble = 1
early_epochs = 1
images = 20
steps = 2
"""
"""Every experiment, as short as can be; under eps 3 no image holds, so AutoAttack is done at once."""


@pytest.fixture(scope="session")
def every_experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of two seeds with every experiment (read only: copy it to change it)."""
    folder = tmp_path_factory.mktemp("every_experiment")
    (folder / "tiny.toml").write_text(EVERY_EXPERIMENT)
    words = ["run", str(folder / "tiny.toml"), "--out", str(folder / "out"), "--seeds", "0,1", "--workers", "1"]
    result = CliRunner().invoke(app, [*words, "--device", "cpu"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return folder / "out"


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Called with the words after `featsplit`: the one line, and nothing else, that is printed with exit status 2."""

    def message(line: str) -> str:
        monkeypatch.setattr(sys, "argv", ["featsplit", *line.split()])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        assert ended.value.code == 2, captured
        assert captured.out == ""
        assert captured.err.startswith("featsplit: ")
        assert captured.err.count("\n") == 1, captured.err
        return captured.err.removeprefix("featsplit: ").rstrip("\n")

    return message
