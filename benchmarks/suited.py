"""Whether `featsplit init` tells the truth: `python -m benchmarks suited --data-root ROOT`.

Five unlike sources are made of MNIST, CIFAR-10 and the digits of scikit-learn; for each `init` writes settings and
announces a time, and `run` takes them. The run must end within a factor of two of that time, with D_rand above chance
or a warning that says why not.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from benchmarks.machine import machine, told
from featsplit.data.sources import DataSpec, load_data
from featsplit.report.intervals import accuracy

FACTOR, BUDGET = 2.0, "3m"
Arrays = tuple[Tensor, Tensor]
"""Images (N, C, H, W) uint8 and labels (N,)."""


class Outcome(NamedTuple):
    """Of a source: the seconds announced and taken, D_rand's accuracy with its interval, chance, and the warnings."""

    source: str
    announced: float
    taken: float
    rand: str
    above: bool
    chance: float
    notes: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether it ended in time, with D_rand above chance or a warning."""
        ratio = self.taken / self.announced
        return 1 / FACTOR <= ratio <= FACTOR and (self.above or any("rand" in note for note in self.notes))


def measure(results: Path, *, data_root: Path | None) -> bool:
    """Write what came out to `results`; whether all is as announced."""
    with TemporaryDirectory() as name:
        sources = _sources(Path(name), data_root)
        found = [_tried(title, source, more, Path(name)) for title, (source, more) in sources.items()]
    return _write(results, found)


def _sources(folder: Path, root: Path | None) -> dict[str, tuple[str, Sequence[str]]]:
    """The five sources by what they are: what `init` is given, and the options beside it."""
    mnist = load_data(DataSpec("mnist", limit=6000, limit_test=1500), root=root)
    cifar = load_data(DataSpec("cifar10", limit=6000, limit_test=1500), root=root)
    parts = {"train": (mnist.train.images, mnist.train.labels), "test": (mnist.test.images, mnist.test.labels)}
    _save_folder(folder / "grey", {part: (F.pad(images, (6, 6, 6, 6)), of) for part, (images, of) in parts.items()})
    _save_npz(
        folder / "pairs.npz", {part: _pairs(*each, 4000 if part == "train" else 1500) for part, each in parts.items()}
    )
    colours = {"train": (cifar.train.images, cifar.train.labels), "test": (cifar.test.images, cifar.test.labels)}
    _save_npz(folder / "three.npz", {part: _first(*each, 3) for part, each in colours.items()})
    large = {
        part: (images.repeat_interleave(2, 2).repeat_interleave(2, 3), of) for part, (images, of) in colours.items()
    }
    _save_npz(folder / "large.npz", {part: _first(*each, 10) for part, each in large.items()})
    return {
        "grey 40x40, a folder": (f"folder:{folder}/grey", []),
        "100 classes (two digits)": (f"npz:{folder}/pairs.npz", []),
        "3 classes, .npz": (f"npz:{folder}/three.npz", ["--resize", "16"]),
        "64x64 colour": (f"npz:{folder}/large.npz", []),
        "8x8 digits": ("digits", []),
    }


def _pairs(images: Tensor, labels: Tensor, count: int) -> Arrays:
    """Two digits side by side, 14 x 28 each, as one image of 28 x 28 of one of 100 classes."""
    draw = torch.Generator().manual_seed(0)
    left, right = (torch.randint(len(labels), (count,), generator=draw) for _ in range(2))
    small = F.avg_pool2d(images.float(), 2).round().to(torch.uint8)
    both = torch.cat([small[left], small[right]], dim=3)
    return F.pad(both, (0, 0, 7, 7)), 10 * labels[left] + labels[right]


def _first(images: Tensor, labels: Tensor, classes: int) -> Arrays:
    kept = labels < classes
    return images[kept], labels[kept]


def _save_npz(path: Path, parts: Mapping[str, Arrays]) -> None:
    arrays: dict[str, Any] = {}
    for part, (images, labels) in parts.items():
        shown = images[:, 0] if images.shape[1] == 1 else images.permute(0, 2, 3, 1)
        arrays |= {f"x_{part}": shown.numpy(), f"y_{part}": labels.numpy()}
    np.savez(path, **arrays)


def _save_folder(folder: Path, parts: Mapping[str, Arrays]) -> None:
    for part, (images, labels) in parts.items():
        for row, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
            path = folder / part / f"class{label}" / f"{row}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[0].numpy()).save(path)


def _tried(title: str, source: str, more: Sequence[str], folder: Path) -> Outcome:
    file = folder / f"{len(list(folder.glob('*.toml')))}.toml"
    said = _call("init", source, *more, "--budget", BUDGET, "--out", str(file))
    announced = 60 * float(re.findall(r"^([0-9.]+) minutes by", said.stdout, re.MULTILINE)[0])
    notes = [line for line in said.stderr.splitlines() if line.startswith("featsplit: note:")]
    began, out = time.perf_counter(), file.with_suffix("")
    ran = _call("run", str(file), "--out", str(out))
    taken = time.perf_counter() - began
    notes += [line for line in ran.stderr.splitlines() if line.startswith("featsplit: note:")]
    notes = [note.replace(f"{folder}/", "") for note in notes]
    mark = json.loads((out / "run.json").read_text())
    rows = json.loads((out / "rows.json").read_text())
    own = [
        row for row in rows
        if [row[key] for key in ("train_set", "experiment", "attack")] == ["rand", "main", "none"]
    ]  # fmt: skip
    interval, chance = accuracy(own), float(mark["data"]["chance"])
    print(title, f"announced {announced:.0f} s, took {taken:.0f} s, D_rand {interval}", flush=True)
    return Outcome(title, announced, taken, str(interval), interval.low > chance, chance, tuple(notes))


def _call(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "featsplit", *words]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)}: {found.stderr[-500:]}")
    return found


def _write(results: Path, found: Sequence[Outcome]) -> bool:
    seen = machine()
    content = {"command": "python -m benchmarks suited", "machine": seen, "outcomes": [one._asdict() for one in found]}
    (results / "suited.json").write_text(json.dumps(content, indent=1) + "\n")
    head = "| source | announced | taken | ratio | D_rand on the true test images | chance | notes | as announced |"
    table = [head, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |"]
    for one in found:
        times = f"{one.announced:.0f} s | {one.taken:.0f} s | {one.taken / one.announced:.2f}"
        verdict = "holds" if one.holds else "does not hold"
        table.append(f"| {one.source} | {times} | {one.rand} | {one.chance:.3f} | {len(one.notes)} | {verdict} |")
    page = [
        "# Whether init tells the truth",
        f"`{content['command']}`: {' '.join((__doc__ or '').split(chr(10), 2)[2].split())} Budget {BUDGET} each.",
        f"Machine: {told(seen)}.",
        "\n".join(table),
        *(f"{one.source}: {note.removeprefix('featsplit: note: ')}" for one in found for note in one.notes),
    ]
    (results / "suited.md").write_text("\n\n".join(page) + "\n")
    print("\n\n".join(page))
    return all(one.holds for one in found)
