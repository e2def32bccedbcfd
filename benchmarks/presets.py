"""A preset as a user runs it, a whole process over three seeds: its tables, its time, and what was to be shown."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.machine import machine, told
from benchmarks.pages import as_json
from featsplit.report.markup import Block, Code, Heading, Picture, Plot, as_page
from featsplit.report.page import Run, blocks_of
from featsplit.report.rows import picked
from featsplit.report.tables import as_markdown

Row = dict[str, Any]
Claim = tuple[str, Callable[["Found"], float], float]
SEEDS = "0,1,2"


class Found:
    """The rows of a run, and the wall time of one seed and of all in seconds."""

    def __init__(self, rows: list[Row], seconds: float, all_seconds: float) -> None:
        self.rows, self.seconds, self.all_seconds = rows, seconds, all_seconds

    def mean(self, train_set: str, eps: float | None, training: str = "standard") -> float:
        """Mean accuracy over seeds on the test set; clean where `eps` is None."""
        of = picked(self.rows, part="main", train_set=train_set, training=training, test_set="source", eps=eps)
        return statistics.fmean(row["accuracy"] for row in of)


CLAIMS: dict[str, list[Claim]] = {
    "digits": [
        ("D_R above standard at L2 .5", lambda f: f.mean("robust", 0.5) - f.mean("source", 0.5), 0.10),
        ("standard above D_NR at L2 .5", lambda f: f.mean("source", 0.5) - f.mean("nonrobust", 0.5), 0.10),
        ("D_rand, clean", lambda f: f.mean("rand", None), 0.55),
        ("D_det, clean", lambda f: f.mean("det", None), 0.25),
        ("40 s less the time of one seed", lambda f: 40 - f.seconds, 0),
    ],
    "mnist-mini": [
        ("D_R above standard at L2 .5", lambda f: f.mean("robust", 0.5) - f.mean("source", 0.5), 0.0),
        ("standard above D_NR at L2 .5", lambda f: f.mean("source", 0.5) - f.mean("nonrobust", 0.5), 0.0),
        ("D_rand, clean, above chance", lambda f: f.mean("rand", None) - 0.1, 0.02),  # 3 standard errors of 2000 images
        ("D_det, clean, above chance", lambda f: f.mean("det", None) - 0.1, 0.02),
        ("180 s less the time of one seed", lambda f: 180 - f.seconds, 0),
    ],
    "cifar10-mini": [
        ("D_R over standard at L2 .25", lambda f: f.mean("robust", 0.25) / max(f.mean("source", 0.25), 1e-9), 2.0),
        ("D_rand, clean", lambda f: f.mean("rand", None), 0.33),
        ("D_det, clean", lambda f: f.mean("det", None), 0.25),
        ("20 minutes less the time of three seeds, in s", lambda f: 1200 - f.all_seconds, 0),
    ],
    "cifar10-cpu": [],
}


def measure(name: str, results: Path, *, data_root: Path | None, validation: bool) -> bool:
    """Run preset `name`, first for one seed with its time, then for all; write the tables; whether every claim holds.

    With `validation` on a fifth of the training images, held out, in the place of the test images. cifar10-cpu takes
    an hour, so it is run for one seed alone.
    """
    extra = ["--data-root", str(data_root)] if data_root else []
    extra += ["--set", "data.holdout=0.2"] if validation else []
    with TemporaryDirectory() as folder:
        seconds = run_preset(name, Path(folder), "0", extra)
        more = 0.0 if name == "cifar10-cpu" else run_preset(name, Path(folder), SEEDS, extra)  # takes seed 0 up
        return write(name, results, Run(Path(folder)), (seconds, seconds + more), validation=validation)


def write(name: str, results: Path, run: Run, seconds: tuple[float, float], *, validation: bool) -> bool:
    """Write the rows, the tables and the claims of preset `name`; whether every claim holds.

    Of the rows those by epoch are left out. `seconds` are of one seed and of all.
    """
    found, seen = Found(run.rows, *seconds), machine()
    claims = [(claim, value(found), least) for claim, value, least in CLAIMS[name]]
    command = f"python -m benchmarks {name}" + (" --validation" if validation else "")
    stem = f"{name}-validation" if validation else name
    content: dict[str, Any] = {"command": command, "machine": seen, "seconds_one_seed": seconds[0]}
    content |= {"seconds_all_seeds": seconds[1], "settings": run.told["settings"]}
    content["claims"] = [{"claim": claim, "measured": value, "at_least": least} for claim, value, least in claims]
    rows = [row for row in run.rows if row["part"] != "epochs"]
    (results / f"{stem}.json").write_text(as_json(content, rows))
    lines = [["claim", "measured", "at least", "holds"]]
    lines += [[c, f"{value:.3f}", f"{least:.2f}", "yes" if value >= least else "NO"] for c, value, least in claims]
    blocks = _filled([block for block in blocks_of(run) if not isinstance(block, Plot | Picture | Code)])
    page = [
        f"`{command}`: one seed took {seconds[0]:.0f} s as a whole process, seeds {run.seeds} {seconds[1]:.0f} s.",
        f"Machine: {told(seen)}.",
        *([as_markdown(lines)] if claims else []),
        as_page(blocks, results).rstrip(),
    ]
    (results / f"{stem}.md").write_text("\n\n".join(page) + "\n")
    print("\n\n".join(page))
    return all(value >= least for _, value, least in claims)


def _filled(blocks: list[Block]) -> list[Block]:
    """Without the headings that nothing follows."""
    following = [*blocks[1:], Heading("", 1)]
    return [
        block
        for block, then in zip(blocks, following, strict=True)
        if not (isinstance(block, Heading) and isinstance(then, Heading))
    ]


def run_preset(name: str, folder: Path, seeds: str, extra: list[str]) -> float:
    """Seconds of the whole process."""
    command = [sys.executable, "-m", "featsplit", "run", name, "--seeds", seeds, "--out", str(folder), *extra]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
