"""Several processes train one network: the same one as one process, twice the same, and after a kill too."""

import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from featsplit.data.augment import augment
from featsplit.data.images import ImageData
from featsplit.data.sources import DataSpec, load_data
from featsplit.engine.several import in_ranks
from featsplit.errors import FeatsplitError
from featsplit.evaluation import Probe
from featsplit.metadata.models import read_model_metadata
from featsplit.models import load_model
from featsplit.models.build import ModelSpec
from featsplit.randomness import torch_generator
from featsplit.runtime import Machine, Ranks
from featsplit.training import Adversary, Recipe, ensure_trained, loop

EXACT = Machine("cpu", "float32")
ADVERSARY = Adversary("pgd", eps=0.1, steps=2, random_start=True)
RECIPE = Recipe(epochs=6, batch_size=20, lr=0.1, nesterov=True, augment=("shift", "flip"), adversary=ADVERSARY)
PROBE = Probe("l2", 0.2, images=31, steps=2)
PLAIN, NORMED = ModelSpec("mlp", width=16), ModelSpec("cnn", width=8)


@dataclass(frozen=True)
class TrainThere:
    """Train networks of the digits into files of a `folder`; if it `dies`, rank 1 is killed in epoch 2."""

    folder: Path
    recipe: Recipe
    dies: bool = False
    specs: tuple[ModelSpec, ...] = (PLAIN, NORMED)

    def __call__(self, machine: Machine) -> None:
        """Train."""
        if self.dies and machine.ranks.rank == 1:
            epoch = loop._epoch

            def killed(*arguments: Any, **options: Any) -> tuple[float, float]:
                if options["epoch"] == 2:
                    os.kill(os.getpid(), signal.SIGKILL)
                return epoch(*arguments, **options)

            loop._epoch = killed
        for spec in self.specs:
            path = self.folder / f"{spec.arch}.safetensors"
            ensure_trained(path, digits(), spec, self.recipe, seed=1, machine=machine, probe=PROBE)


def digits() -> ImageData:
    return load_data(DataSpec("digits", limit=203))


def state(path: Path) -> torch.Tensor:
    return torch.cat([value.flatten().double() for value in load_model(path).state_dict().values()])


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Networks that two processes trained. 203 images in batches of 20: no rank has as many as the other."""
    folder = tmp_path_factory.mktemp("together")
    in_ranks(2, EXACT, TrainThere(folder, RECIPE))
    return folder


def test_two_processes_train_what_one_does(together: Path, tmp_path: Path) -> None:
    """To rounding; with BatchNorm, which sees half of a batch there, about."""
    TrainThere(tmp_path, RECIPE)(EXACT)
    for spec in (PLAIN, NORMED):
        one, two = (folder / f"{spec.arch}.safetensors" for folder in (tmp_path, together))
        if spec is PLAIN:
            assert float((state(one) - state(two)).abs().max()) < 1e-4
        last, of_two = (read_model_metadata(path).history[-1] for path in (one, two))
        assert "attacked_accuracy" in last
        assert of_two == pytest.approx(last, abs=1e-3 if spec is PLAIN else 0.25)
        assert read_model_metadata(two).extra["world_size"] == 2
        assert "world_size" not in read_model_metadata(one).extra
    assert {path.name for path in together.iterdir()} == {"mlp.safetensors", "cnn.safetensors"}


def test_training_goes_on_after_one_of_the_processes_was_killed_and_ends_the_same(
    together: Path, tmp_path: Path
) -> None:
    with pytest.raises(FeatsplitError, match="one of 2 processes that train together was killed"):
        in_ranks(2, EXACT, TrainThere(tmp_path, RECIPE, dies=True, specs=(NORMED,)))
    assert [path.name for path in tmp_path.iterdir()] == [".cnn.safetensors.training"]
    in_ranks(2, EXACT, TrainThere(tmp_path, RECIPE, specs=(NORMED,)))
    assert (tmp_path / "cnn.safetensors").read_bytes() == (together / "cnn.safetensors").read_bytes()


def test_an_error_of_the_user_is_that_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(FeatsplitError, match=r"^train.batch_size = 1: leaves some of 2 processes no image of a batch"):
        in_ranks(2, EXACT, TrainThere(tmp_path, replace(RECIPE, batch_size=1)))


def test_an_image_is_augmented_alike_whoever_has_it() -> None:
    images = torch.rand((11, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    names = ("crop", "flip", "shift", "color-jitter", "rotation", "random-resized-crop")
    whole = augment(images, names, generator=torch_generator(0, "a"))
    for rank in range(3):
        own = Ranks(rank, 3).own(torch.arange(11))
        part = augment(images[own], names, generator=torch_generator(0, "a"), total=11, own=own)
        assert torch.equal(part, whole[own])
