"""How time and memory of `build-robust` grow with the number of images and with their size."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.pages import Claim, write

COUNTS, SIDES = (1000, 2000, 4000, 8000), (16, 32, 64)
CHILD = "from benchmarks.growth import build; import sys; build(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))"


def build(folder: str, count: int, side: int) -> None:
    """Build D_R of random images with ResNet-8, and print seconds, peak RSS and the size of the images in GiB."""
    import torch

    from featsplit.data.images import ImageData, Split
    from featsplit.models.build import build as fresh
    from featsplit.synthesis import Match, build_match

    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)
    split = Split(images, torch.arange(count) % 10)
    data = ImageData("random", tuple("0123456789"), split, split.take(torch.arange(100)))
    model = fresh("resnet8", shape=data.shape, classes=10)
    build_match(Path(folder) / "warm.h5", model, ImageData("few", data.classes, data.test, data.test), Match(steps=10))
    began = time.perf_counter()
    build_match(Path(folder) / "robust.h5", model, data, Match(steps=10))
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"seconds": seconds, "peak_gib": peak, "data_gib": images.numel() / 2**30}))


def measure(results: Path) -> bool:
    """Write the table; whether time is linear and memory flat."""
    figures = {f"{count} x {side}": _run(count, side) for count, side in [*((c, 16) for c in COUNTS)]}
    figures |= {f"1000 x {side}": _run(1000, side) for side in SIDES[1:]}
    table = [["images", "side", "seconds", "us an image", "peak RSS, GiB", "beyond the data"]]
    for name, found in figures.items():
        count, side = map(int, name.split(" x "))
        beyond = found["peak_gib"] - found["data_gib"]
        cells = [f"{found['seconds']:.1f}", f"{1e6 * found['seconds'] / count:.0f}", f"{found['peak_gib']:.2f}"]
        table.append([f"{count}", f"{side}", *cells, f"{beyond:.2f}"])
    first, last = figures[f"{COUNTS[1]} x 16"], figures[f"{COUNTS[-1]} x 16"]
    slope = (last["seconds"] / COUNTS[-1]) / (first["seconds"] / COUNTS[1])
    more = (last["peak_gib"] - last["data_gib"]) - (first["peak_gib"] - first["data_gib"])
    claims = [
        Claim("time an image, 8000 images over 2000", slope, 1.25, most=True),
        Claim("memory beyond the data, 8000 images over 2000, GiB more", more, 0.1, most=True),
    ]
    text = "`build_match` on random images, ResNet-8, 10 steps of L-BFGS, each line a process of its own; median of 3."
    return write(results, "growth", "Growth with the number of images and their size", text, [table], claims, figures)


def _run(count: int, side: int) -> dict[str, float]:
    """The median run of three by time."""
    found = []
    for _ in range(3):
        with TemporaryDirectory() as folder:
            command = [sys.executable, "-c", CHILD, folder, str(count), str(side)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found.append(dict(json.loads(output.splitlines()[-1])))
    return sorted(found, key=lambda each: each["seconds"])[1]
