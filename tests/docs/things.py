"""What a page takes for granted, made when a command names it: images, networks, sets, files of others."""

import re
import runpy
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from featsplit.data.images import ImageData, Split
from featsplit.data.selection import resize_split
from featsplit.data.sources import DataSpec, load_data
from featsplit.models.libraries import library_network
from tests.data.tables import both, grey, saved
from tests.least import call
from tests.studies.kurakin2017.test_photos import photograph

SIDES = {"mnist": 28, "fashion-mnist": 28, "kmnist": 28}
"""Of the data sets that are grey."""
MINE = """
from torch import nn

class Network(nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        self.first = nn.Linear(shape[0] * shape[1] * shape[2], 8)
        self.blocks = nn.Sequential(*[nn.Sequential(nn.Linear(8, 8), nn.ReLU()) for _ in range(6)])
        self.head = nn.Linear(8, classes)

    def forward(self, inputs):
        return self.head(self.blocks(self.first(inputs.flatten(1))))

def make(*, shape, classes):
    return Network(shape, classes)
"""


def coloured(digits: ImageData, source: str) -> ImageData:
    """The digits as images of the size and the colours of `source`, one of torchvision's data sets."""
    side, colours = SIDES.get(source, 32), 1 if source in SIDES else 3

    def of(split: Split) -> Split:
        larger = resize_split(split, side, "squeeze")
        return Split(larger.images.expand(-1, colours, -1, -1).contiguous(), larger.labels)

    return replace(digits, name=source, train=of(digits.train), test=of(digits.test))


def photos(path: Path, words: Sequence[str]) -> None:
    """Images of three colours in class folders, to train on and to test on."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 8), ("test", 4)):
        for number, name in enumerate(("ant", "bee", "cat")):
            (path / part / name).mkdir(parents=True)
            for each in range(count):
                pixels = rng.integers(0, 120, (40, 44, 3), dtype=np.uint8)
                pixels[..., number] += 100
                Image.fromarray(pixels).save(path / part / name / f"{each}.png")


def table(path: Path, words: Sequence[str]) -> None:
    """A DatasetDict of Hugging Face's."""
    saved(path, both(grey(0, 12), grey(1)))


def after(words: Sequence[str], flag: str) -> str | None:
    """What follows `flag` in the command."""
    return words[words.index(flag) + 1] if flag in words else None


def data_of(words: Sequence[str]) -> ImageData:
    """The data that the command names."""
    return load_data(DataSpec(after(words, "--data") or "digits", resize=int(after(words, "--resize") or 0) or None))


def network(path: Path, words: Sequence[str]) -> None:
    """A network of the data that the command names, and of an architecture that has the layer that it names."""
    data = f"--data {after(words, '--data') or 'digits'}"
    data += f" --resize {after(words, '--resize')}" if "--resize" in words else ""
    arch = "timm:test_resnet" if "--layer" in words else "cnn"  # timm has one of few units, for tests
    how = "--adversary pgd --eps 0.5 --steps 1" if "robust" in path.name or "adversarial" in path.name else ""
    call(f"train {data} --arch {arch} {how} --epochs 1 --device cpu --out {path}")


def derived(path: Path, words: Sequence[str]) -> None:
    """D_R of the digits, or D_rand."""
    robust = path.name == "D_R.h5"
    maker = path.with_name("robust_of_digits.safetensors" if robust else "of_digits.safetensors")
    if not maker.exists():
        network(maker, [])
    how = "build-robust --steps 2" if robust else "build-nonrobust --eps 1.5 --steps 2 --step-size 0.8"
    call(f"{how} --data digits --model {maker} --device cpu --out {path}")


def run(path: Path, words: Sequence[str]) -> None:
    """A run of the preset that is called like its folder, or of the digits."""
    own = path.parent.name == "datasets_out"
    call(f"run {path.name if own else 'digits'} --device cpu --out {path}")


def settings(path: Path, words: Sequence[str]) -> None:
    """The settings of a run of the user's."""
    call(f"init {words[1] if words[0] != 'run' else 'digits'} --budget 1m --out {path}")


def theirs(path: Path, words: Sequence[str]) -> None:
    """Weights of the network of timm that the command names."""
    data = data_of(words)
    name = next(word for word in words if word.startswith(("timm:", "torchvision:")))
    classes = 0 if after(words, "--layer") == "output" else len(data.classes)
    torch.save(library_network(name, shape=data.shape, classes=classes).state_dict(), path)


def mine(path: Path, words: Sequence[str]) -> None:
    """A file with a network of the user's."""
    path.write_text(MINE)


def weights(path: Path, words: Sequence[str]) -> None:
    """Weights of the network of mine.py."""
    data = data_of(words)
    make: Callable[..., torch.nn.Module] = runpy.run_path("mine.py")["make"]
    torch.save(make(shape=data.shape, classes=len(data.classes)).state_dict(), path)


def released(path: Path, words: Sequence[str]) -> None:
    """A set in the layout of the authors' release."""
    path.mkdir(parents=True)
    torch.save([torch.rand(20, 3, 32, 32)], path / "CIFAR_ims")
    torch.save([torch.arange(20) % 10], path / "CIFAR_lab")


def robustness(path: Path, words: Sequence[str]) -> None:
    """A network of the authors' library, as it writes it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escape sequences in its docstrings
        network = import_module("robustness.cifar_models").resnet50(num_classes=10)
    state = {f"module.model.{name}": tensor for name, tensor in network.state_dict().items()}
    moments = {f"module.normalizer.new_{name}": torch.full((3, 1, 1), 0.5) for name in ("mean", "std")}
    torch.save({"model": {**state, **moments}, "epoch": 150}, path)


THINGS: dict[str, Callable[[Path, Sequence[str]], None]] = {
    r"photos": photos,
    r"my_dataset": table,
    r"mine\.py": mine,
    r"best\.\w+": weights,
    r"(dino|vit)\.pth": theirs,
    r"D_\w+\.h5": derived,
    r"\w+\.safetensors": network,
    r"datasets_out/[\w-]+": run,
    r"times": run,
    r"release_datasets/\w+": released,
    r"cifar_l2_0_5\.pt": robustness,
}
"""What a command may name that no command before it has made, by the pattern of its path."""
WRITES = ("--out", "--curve", "--sheet")
"""Options that name what is to be made."""


def make_ready(folder: Path, words: Sequence[str]) -> None:
    """Make in `folder` what a command names and none before it has made."""
    if "--crops" in words:
        photograph(folder / words[-1], folder / words[-1])
    named = [word for before, word in pairwise(words) if before not in WRITES]
    parts = [part for word in named for part in re.split(r"[:=,\"\[\]]", word)]
    for pattern, make in THINGS.items():
        for found in filter(None, (re.match(rf"(?:\./)?({pattern})(?:$|/)", part) for part in parts)):
            if not (folder / found[1]).exists():
                make(folder / found[1], words)
