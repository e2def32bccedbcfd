"""The two networks that are timed, trained adversarially on a few thousand images of CIFAR-10, once, and kept."""

from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from featsplit.data.images import ImageData
from featsplit.data.sources import DataSpec, load_data
from featsplit.models.build import ModelSpec
from featsplit.models.checkpoints import load_model
from featsplit.models.classifier import Classifier
from featsplit.training import Adversary, Recipe, ensure_trained

CACHE = Path(__file__).parent / ".networks"


class Subject(NamedTuple):
    """An architecture, the side of its images, how many of them train it, and how many are in a batch.

    `matched` is how many we match at a time, as `build-robust` would; `batch` is what suits the others best.
    """

    arch: str
    side: int
    images: int
    epochs: int
    batch: int
    matched: int


SUBJECTS = {
    "ResNet-8, 16 x 16": Subject("resnet8", 16, 10_000, 8, 128, 512),
    "ResNet-18, 32 x 32": Subject("resnet18", 32, 4_000, 4, 64, 64),
}


def data_of(subject: Subject, root: Path | None) -> ImageData:
    """Its images, of the real CIFAR-10."""
    spec = DataSpec(
        "cifar10", resize=None if subject.side == 32 else subject.side, limit=subject.images, limit_test=500
    )
    return load_data(spec, root=root, download=root is None)


def trained(subject: Subject, data: ImageData) -> Classifier:
    """Its network, in eval mode and with frozen weights, as any library would take it: float32, channels first."""
    CACHE.mkdir(exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")
    adversary = Adversary(eps=0.25, steps=2)
    recipe = Recipe(subject.epochs, lr=0.1, nesterov=True, schedule="one-cycle", augment=("flip",), adversary=adversary)
    path = CACHE / f"{subject.arch}.safetensors"
    ensure_trained(path, data, ModelSpec(subject.arch), recipe, seed=0, overwrite=True)
    return load_model(path).requires_grad_(False)


def inner(inputs: Tensor) -> Tensor:
    """Images without a pixel at 0 or 1, where libraries differ in the gradient of clipping."""
    return 0.1 + 0.8 * inputs
