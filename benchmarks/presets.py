"""A preset as a user runs it, a whole process over three seeds: its table, its time, and what was to be shown."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.machine import machine, told
from featsplit.report.tables import accuracy_table, as_markdown, control_table

Row = dict[str, Any]
Claim = tuple[str, Callable[["Found"], float], float]
SEEDS = "0,1,2"


class Found:
    """The rows of a run, and the wall time of one seed in seconds."""

    def __init__(self, rows: list[Row], seconds: float) -> None:
        self.rows, self.seconds = rows, seconds

    def mean(self, train_set: str, eps: float | None, training: str = "standard") -> float:
        """Mean accuracy over seeds on the test set; clean where `eps` is None."""
        return statistics.fmean(
            row["accuracy"]
            for row in self.rows
            if (row["train_set"], row["training"], row["test_set"], row["eps"]) == (train_set, training, "source", eps)
        )


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
        ("300 s less the time of one seed", lambda f: 300 - f.seconds, 0),
    ],
}


def measure(name: str, results: Path, *, data_root: Path | None, validation: bool) -> bool:
    """Run preset `name`, first for one seed with its time, then for all; write the table; whether every claim holds.

    With `validation` on a fifth of the training images, held out, in the place of the test images.
    """
    extra = ["--data-root", str(data_root)] if data_root else []
    extra += ["--set", "data.holdout=0.2"] if validation else []
    with TemporaryDirectory() as folder:
        seconds = run_preset(name, Path(folder), "0", extra)
        run_preset(name, Path(folder), SEEDS, extra)  # takes seed 0 up
        rows: list[Row] = json.loads((Path(folder) / "rows.json").read_text())
    return write(name, results, rows, seconds, validation=validation)


def write(name: str, results: Path, rows: list[Row], seconds: float, *, validation: bool) -> bool:
    """Write the rows, the table and the claims of preset `name`; whether every claim holds."""
    found, seen = Found(rows, seconds), machine()
    claims = [(claim, value(found), least) for claim, value, least in CLAIMS[name]]
    command = f"python -m benchmarks {name}" + (" --validation" if validation else "")
    stem = f"{name}-validation" if validation else name
    content = {"command": command, "machine": seen, "seconds_one_seed": seconds, "rows": rows}
    content["claims"] = [{"claim": claim, "measured": value, "at_least": least} for claim, value, least in claims]
    (results / f"{stem}.json").write_text(json.dumps(content, indent=1) + "\n")
    lines = [["claim", "measured", "at least", "holds"]]
    lines += [[c, f"{value:.3f}", f"{least:.2f}", "yes" if value >= least else "NO"] for c, value, least in claims]
    page = [
        f"# featsplit run {name} --seeds {SEEDS}" + (" --set data.holdout=0.2" if validation else ""),
        f"`{command}`: one seed took {seconds:.0f} s as a whole process; mean ± standard deviation over seeds {SEEDS}.",
        f"Machine: {told(seen)}.",
        as_markdown(accuracy_table(rows)),
        as_markdown(control_table(rows)),
        as_markdown(lines),
    ]
    (results / f"{stem}.md").write_text("\n\n".join(page) + "\n")
    print("\n\n".join(page))
    return all(value >= least for _, value, least in claims)


def run_preset(name: str, folder: Path, seeds: str, extra: list[str]) -> float:
    """Seconds of the whole process."""
    command = [sys.executable, "-m", "featsplit", "run", name, "--seeds", seeds, "--out", str(folder), *extra]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
