"""Peak memory of `build-robust` on data of CIFAR-10's size (50,000 x 3 x 32 x 32), beyond the data themselves."""

import json
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.machine import machine, told

LIMIT = 2.0
SIZE = 50_000 * 3 * 32 * 32 / 2**30
CHILD = "from benchmarks.memory import build; import sys; build(sys.argv[1])"


def build(folder: str) -> None:
    """Build D_R of random images with ResNet-8 and L-BFGS (all 8 pairs in use), and print the peak RSS in GiB."""
    import torch

    from featsplit.data.images import ImageData, Split
    from featsplit.descent import LBFGS
    from featsplit.models.build import build as fresh
    from featsplit.synthesis import Match, build_match

    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (50_000, 3, 32, 32), dtype=torch.uint8, generator=generator)
    split = Split(images, torch.arange(50_000) % 10)
    data = ImageData("random", tuple("0123456789"), split, split.take(torch.arange(100)))
    model = fresh("resnet8", shape=data.shape, classes=10)
    build_match(Path(folder) / "robust.h5", model, data, Match(LBFGS(1.0), steps=9))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


def measure(results: Path) -> bool:
    """Write the peak to `results`; whether it stays under the limit."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-c", CHILD, folder]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    peak, seen = float(output.split()[-1]), machine()
    content = {"command": "python -m benchmarks memory", "machine": seen, "data_gib": SIZE, "peak_rss_gib": peak}
    (results / "memory.json").write_text(json.dumps(content, indent=1) + "\n")
    page = [
        "# Peak memory of build-robust",
        f"`python -m benchmarks memory`: 50,000 random images of 3 x 32 x 32 ({SIZE:.2f} GiB in memory), ResNet-8,"
        " L-BFGS with all 8 pairs in use, stored as float32. Peak RSS of the whole process, torch included.",
        f"Machine: {told(seen)}.",
        f"Peak {peak:.2f} GiB: {peak - SIZE:.2f} GiB beyond the data (to stay under {LIMIT:g}).",
    ]
    (results / "memory.md").write_text("\n\n".join(page) + "\n")
    print("\n\n".join(page))
    return peak - SIZE < LIMIT
