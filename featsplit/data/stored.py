"""The data sets that others keep: scikit-learn's digits, bundled, and torchvision's, in its layout on disk.

torchvision is imported only when one of its own is asked for; scikit-learn, which takes most of a second in each
process, not even for the digits, unless they do not lie in its folder where they always have.
"""

import os
import pickle
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from featsplit.data.images import ImageData, Split
from featsplit.errors import FeatsplitError
from featsplit.files import expanded


class Layout(NamedTuple):
    """A data set of torchvision: its class there, and the path in the data root that shows that it is present."""

    kind: str
    path: str


LAYOUTS = {
    "mnist": Layout("MNIST", "MNIST/raw"),
    "fashion-mnist": Layout("FashionMNIST", "FashionMNIST/raw"),
    "kmnist": Layout("KMNIST", "KMNIST/raw"),
    "cifar10": Layout("CIFAR10", "cifar-10-batches-py"),
    "cifar100": Layout("CIFAR100", "cifar-100-python"),
    "svhn": Layout("SVHN", "train_32x32.mat"),
}
DIGITS = tuple(str(digit) for digit in range(10))
DIGITS_SPLIT = "digits.csv"
"""The rows of the training digits, then of the 360 test digits: those of scikit-learn's stratified split of seed 0."""
ELSEWHERE = "--data-root FOLDER for a folder that holds it in torchvision's layout"
Damaged = (RuntimeError, OSError, ValueError, TypeError, KeyError, AssertionError, EOFError, pickle.UnpicklingError)


def data_root(root: str | Path | None = None) -> Path:
    """Where downloaded data lies: `root`, else $FEATSPLIT_DATA, else featsplit/ in the user's cache folder."""
    if root is not None:
        return expanded(root)
    if named := os.environ.get("FEATSPLIT_DATA"):
        return expanded(named)
    return expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "featsplit"


def cache_folder(root: str | Path | None = None) -> Path:
    """Where images lie once they are decoded: $FEATSPLIT_CACHE, else where downloaded data lies."""
    named = os.environ.get("FEATSPLIT_CACHE")
    return expanded(named) if named else data_root(root)


def load_digits() -> ImageData:
    """The 1797 digits of scikit-learn, 8 x 8 grey, in a stratified split of 1437 and 360 that never changes."""
    pixels, labels = _digits()
    images = torch.from_numpy(np.round(pixels * 255 / 16).astype(np.uint8)).reshape(-1, 1, 8, 8)
    everything = Split(images, torch.from_numpy(labels.astype(np.int64)))
    with (files("featsplit") / "data" / DIGITS_SPLIT).open() as lines:
        rows = torch.from_numpy(np.loadtxt(lines, dtype=np.int64))
    return ImageData("digits", DIGITS, everything.take(rows[:-360]), everything.take(rows[-360:]))


def _digits() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pixels from 0 to 16, (1797, 64), and labels: from the file of scikit-learn, else as that itself loads them."""
    spec = find_spec("sklearn")
    path = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz" if spec and spec.origin else None
    if path is None or not path.is_file():
        bundle = import_module("sklearn.datasets").load_digits()
        return bundle.data, bundle.target
    table: NDArray[np.float64] = np.loadtxt(path, delimiter=",")
    return table[:, :-1], table[:, -1]


def load_stored(source: str, root: Path, *, download: bool) -> ImageData:
    """The torchvision data set `source` under `root`; FeatsplitError where it is absent, damaged or not to be had."""
    stored, place = LAYOUTS[source], f'data.source = "{source}"'
    if not download and not (root / stored.path).exists():
        raise FeatsplitError(f"{place}: no {stored.path} in {root}; give --download to fetch it, or {ELSEWHERE}")
    try:
        train, test = (_open(stored.kind, root, part, download=download) for part in ("train", "test"))
    except Damaged as error:
        raise FeatsplitError(f"{place}: {_failure(error, root, stored.path, download=download)}") from None
    return ImageData(source, tuple(getattr(train, "classes", DIGITS)), _split(train), _split(test))


def _open(kind: str, root: Path, part: str, *, download: bool) -> Any:
    factory = getattr(import_module("torchvision.datasets"), kind)
    if kind == "SVHN":
        return factory(root, split=part, download=download)
    return factory(root, train=part == "train", download=download)


def _failure(error: Exception, root: Path, path: str, *, download: bool) -> str:
    if not download:
        return f"{root / path} is incomplete or damaged; delete it and give --download, or give {ELSEWHERE}"
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    cure = f"check the network, delete {root / path} if it is damaged, or give {ELSEWHERE}"
    return f"could not be downloaded to {root} and read ({reason}); {cure}"


def _split(dataset: Any) -> Split:
    labels = dataset.labels if hasattr(dataset, "labels") else dataset.targets
    return Split(_channels_first(torch.as_tensor(dataset.data)), torch.as_tensor(labels, dtype=torch.int64))


def _channels_first(images: Tensor) -> Tensor:
    """(N, H, W), (N, H, W, 3) or (N, 3, H, W) as (N, C, H, W)."""
    if images.ndim == 3:
        return images[:, None]
    return (images if images.shape[1] == 3 else images.permute(0, 3, 1, 2)).contiguous()
