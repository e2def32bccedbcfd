"""No memory is needed for the number of images: ImageNet, whole and restricted, from decoding to training on a set."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SYNSETS = {"restricted-imagenet": 203, "imagenet": 1000}
STREAM = """
import os, sys, threading, time
from pathlib import Path
import torch
from featsplit.data import mapped, shards
from featsplit.data.sources import DataSpec, load_data
from featsplit.models import build
from featsplit.synthesis import Build, Perturb, build_perturb
from featsplit.training import Recipe, loop, train

def own_memory():
    text = Path("/proc/self/status").read_text()
    return int(text.split("RssAnon:")[1].split()[0]) / 2**10

def watch():
    while True:
        peak[0] = max(peak[0], own_memory())
        time.sleep(0.002)

torch.set_num_threads(1)
shards.SHARD, mapped.WHOLE, loop.AT_ONCE = 64, 0, 0
peak = [0.0]
threading.Thread(target=watch, daemon=True).start()
data = load_data(DataSpec(sys.argv[1], resize=int(sys.argv[3])))
data.digest
recipe = Recipe(epochs=1, batch_size=128, lr=1e-4, augment=("random-resized-crop", "flip"))
model = build("linear", shape=data.shape, classes=len(data.classes))
train(model, data, recipe)
build_perturb(Path(sys.argv[2]), model, data, Perturb(steps=1), build=Build(batch_size=128, dtype="uint8"))
made = load_data(DataSpec(sys.argv[2]))
assert type(made.train.images) is mapped.Mapped, "as it lies in the file"
assert not list(Path(sys.argv[2]).parent.glob(".*.images")), "not in a copy"
assert torch.equal(made.test.labels, data.test.labels)
train(model, made, recipe)
print(len(data.train), data.train.wide.nbytes / 2**20, peak[0])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells what memory is a process's own")
@pytest.mark.parametrize(
    ("source", "side", "few", "many"), [("restricted-imagenet", 96, 1, 12), ("imagenet", 32, 1, 13)]
)
def test_memory_does_not_grow_with_the_images(
    whole: Path, tmp_path: Path, *, source: str, side: int, few: int, many: int
) -> None:
    """Decode, digest, train, build a set, open it, train on it: RssAnon, what the system cannot take back."""
    own = Path(shutil.copytree(whole, tmp_path / "own", copy_function=os.link))
    peaks, sizes, first = [], [], sorted((own / "train").glob("*/*.JPEG"))
    for copies in (few, many):
        for file in first:
            for copy in range(copies):
                file.with_name(f"{copy}.JPEG").unlink(missing_ok=True)
                os.link(file, file.with_name(f"{copy}.JPEG"))
        command = [sys.executable, "-c", STREAM, f"{source}:{own}", str(tmp_path / f"{copies}.h5"), str(side)]
        quiet = {
            **os.environ,
            "FEATSPLIT_CACHE": str(tmp_path / "cache"),
            "MALLOC_ARENA_MAX": "1",
            "MALLOC_TRIM_THRESHOLD_": "0",
        }  # what is freed is given back
        told = subprocess.run(command, capture_output=True, text=True, check=True, env=quiet).stdout.split()
        assert int(told[0]) == SYNSETS[source] * (1 + copies)
        sizes.append(float(told[1]))
        peaks.append(float(told[2]))
    print(f"{sizes} MiB of images, {peaks} MiB of memory")
    assert sizes[1] - sizes[0] > 40
    assert peaks[1] - peaks[0] < 0.4 * (sizes[1] - sizes[0])
