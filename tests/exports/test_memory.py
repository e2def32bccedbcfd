"""No memory is needed for the number of images, whatever the format."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from featsplit.records.exports import FORMATS, Format
from tests.exports.sets import made

FEW, MANY, SHAPE = 2100, 5100, (3, 32, 32)  # save_to_disk holds 1000 rows at a time, or two times that
EXPORT = """
import sys, threading, time
from pathlib import Path
import torch
from featsplit.data import derived
from featsplit.exports import Export, export, rows

def own_memory():
    text = Path("/proc/self/status").read_text()
    return int(text.split("RssAnon:")[1].split()[0]) / 2**10

def watch():
    while True:
        peak[0] = max(peak[0], own_memory())
        time.sleep(0.002)

torch.set_num_threads(1)
rows.BYTES, derived.SHARD = 2**22, 64
peak = [0.0]
threading.Thread(target=watch, daemon=True).start()
shard = 10**6 if sys.argv[3] == "webdataset" else None  # all in one
export(Path(sys.argv[1]), Path(sys.argv[2]), Export(sys.argv[3], shard=shard))
print(peak[0])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a set of few images and one of many."""
    path = tmp_path_factory.mktemp("memory")
    for total in (FEW, MANY):
        made(path / f"{total}.h5", shape=SHAPE, total=total)
    return path


def peak(folder: Path, total: int, format_: Format) -> float:
    """MiB that exporting a set of `total` images takes: RssAnon, what the system cannot take back."""
    out = folder / f"{format_}-{total}{'.npz' if format_ == 'npz' else ''}"
    command = [sys.executable, "-c", EXPORT, str(folder / f"{total}.h5"), str(out), format_]
    quiet = {**os.environ, "MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "0"}  # what is freed is given back
    return float(subprocess.run(command, capture_output=True, text=True, check=True, env=quiet).stdout)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells what memory is a process's own")
@pytest.mark.parametrize("format_", [one for one in FORMATS if one != "madrylab"])  # torch.save takes the whole list
def test_memory_does_not_grow_with_the_images(folder: Path, format_: Format) -> None:
    peaks = [peak(folder, total, format_) for total in (FEW, MANY)]
    more = 4 * 3 * 32 * 32 * (MANY - FEW) / 2**20
    print(f"{more:.0f} MiB of images more; {peaks} MiB of memory")
    assert peaks[1] - peaks[0] < 0.25 * more
