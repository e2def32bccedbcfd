"""The constructions with a known answer, and the experiments of the paper's discussion: each as a user runs it."""

import json
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from benchmarks.pages import Claim, write
from featsplit.report.cells import Cells
from featsplit.report.rows import picked, values
from featsplit.studies.distill2019.page import audit_table, bugs_table, layer_table, leakage_table, mislabelled_table
from featsplit.studies.distill2019.rows import layers_of, units_of
from featsplit.studies.gaussians.claims import agreement
from featsplit.studies.gaussians.page import theorem_table
from featsplit.studies.planted.page import survival_table
from featsplit.studies.squares.page import arms_table, eps_table

Rows = list[Any]
"""Rows as JSON has them, of whichever study."""


class Construction(NamedTuple):
    """A command, what its rows are shown as, and what they are to show; `seconds` is what it may take.

    The command is timed as it stands, and then runs again with `seeds`, where it would take fewer by itself.
    """

    title: str
    words: str
    tables: Callable[[Rows], list[Cells]]
    claims: Callable[[Rows], list[Claim]]
    plots: tuple[str, ...] = ()
    seeds: str = "0,1,2"
    seconds: int = 300
    downloads: bool = False


def _gaussians(rows: Rows) -> list[Claim]:
    of = {line[0]: line[1] for line in agreement(rows)[1:]}
    found = [float(of[f"Theorem {number}"].removesuffix(" %")) for number in (1, 2, 3)]
    return [
        *(Claim(f"Theorem {n}: largest difference, in %", found[n - 1], 2, most=True) for n in (1, 2)),
        Claim("Theorem 3: largest difference", found[2], 1e-6, most=True),
    ]


def _squares(rows: Rows) -> list[Claim]:
    def at(arm: str, eps: float) -> list[float]:
        return [row["accuracy"] for row in picked(rows, arm=arm, experiment="grid", eps=eps)]

    first = [row["accuracy"] for row in picked(rows, arm="deep", experiment="epochs", epoch=1, eps=0.01)]
    fitted = [row["train_accuracy"] for row in picked(rows, arm="deep", experiment="grid", eps=0.01)]
    return [
        Claim("linear, accuracy at eps .8, least of the seeds", min(at("linear", 0.8)), 0.95),
        Claim("deep, training labels read, least of the seeds", min(fitted), 0.999),
        Claim("deep, accuracy at eps .01 when fitted, most of the seeds", max(at("deep", 0.01)), 0.10, most=True),
        Claim("deep, accuracy at eps .01 after its first epoch, least of the seeds", min(first), 0.95),
    ]


def _planted(rows: Rows) -> list[Claim]:
    def kept(name: str, component: str) -> float:
        of = picked(rows, experiment="planted", train_set=name, component=component, amplitude=0.03)
        return statistics.fmean(row["kept"] for row in of)

    return [
        Claim("D_R keeps of the robust component", kept("robust", "robust"), 0.8),
        Claim("D_R keeps of the non-robust component", kept("robust", "nonrobust"), 0.2, most=True),
        *(
            Claim(
                f"{title}: share kept of the non-robust less that of the robust",
                kept(name, "nonrobust") - kept(name, "robust"),
                0,
            )
            for name, title in (("nonrobust", "D_NR"), ("rand", "D_rand"), ("det", "D_det"))
        ),
    ]


def _discussed(rows: Rows) -> list[Claim]:
    def mean(**fields: Any) -> float:
        return statistics.fmean(values(rows, **fields))

    success = {name: mean(experiment="construction", test_set=name, moment="found") for name in ("det", "det-bugs")}
    transfer = {name: mean(experiment="bugs", test_set=name, split="train") for name in ("det", "det-bugs")}
    learned = mean(experiment="bugs", train_set="det-bugs", test_set="source", attack="none")
    wrong = mean(experiment="mislabelled", train_set="mislabelled", test_set="source")
    return [
        Claim("bugs: success over that of PGD", success["det-bugs"] / success["det"], 0.9),
        Claim("bugs: transfer to a fresh network", transfer["det-bugs"], 0.2, most=True),
        Claim("bugs: what they teach of the true labels (chance .10)", learned, 0.1, most=True),
        Claim("wrong labels: what they teach of the true ones (chance .10)", wrong, 0.2),
    ]


def _discussion_tables(rows: Rows) -> list[Cells]:
    return [
        bugs_table(rows),
        mislabelled_table(rows),
        leakage_table(rows),
        audit_table(units_of(rows)),
        layer_table(layers_of(rows)),
    ]


def _theorems(rows: Rows) -> list[Cells]:
    return [agreement(rows), *(theorem_table(picked(rows, theorem=theorem)) for theorem in (1, 2, 3, "rule"))]


CONSTRUCTIONS = {
    "gaussians": Construction(
        "Two Gaussians", "run gaussians --seeds 0,1,2", _theorems, _gaussians, plots=("gaussians",), seeds=""
    ),
    "squares": Construction(
        "Adversarial squares",
        "run squares",
        lambda rows: [arms_table(rows), eps_table(rows)],
        _squares,
        plots=("by_eps", "by_epoch"),
        seconds=180,
    ),
    "planted": Construction(
        "Planted truth", "run planted", lambda rows: [survival_table(rows)], _planted, plots=("planted",)
    ),
    "discussion-digits": Construction(
        "The paper's discussion on digits",
        "run distill-digits",
        _discussion_tables,
        _discussed,
        plots=("audit",),
    ),
    "discussion-cifar10-mini": Construction(
        "The paper's discussion on cifar10-mini",
        "run distill-cifar10-mini",
        _discussion_tables,
        _discussed,
        plots=("audit",),
        downloads=True,
    ),
}


def measure(name: str, results: Path, *, data_root: Path | None) -> bool:
    """Run the command of `name`; write its rows, tables, plots and claims; whether every claim holds."""
    of = CONSTRUCTIONS[name]
    extra = ["--data-root", str(data_root)] if of.downloads and data_root else []
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "featsplit", *shlex.split(of.words), "--out", folder, *extra]
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - began
        if of.seeds:
            subprocess.run([*command, "--seeds", of.seeds], check=True, stdout=subprocess.DEVNULL)
        rows: Rows = json.loads((Path(folder) / "rows.json").read_text())
        for plot in of.plots:
            (results / "plots").mkdir(exist_ok=True)
            shutil.copy(Path(folder) / "plots" / f"{plot}.svg", results / "plots" / f"{name}-{plot}.svg")
    text = f"`featsplit {of.words}` took {seconds:.0f} s as a whole process."
    text += f" The numbers are of `--seeds {of.seeds}`." if of.seeds else ""
    kept = [
        row for row in rows if row.get("experiment") != "epochs" or "arm" in row
    ]  # those of a run are many, and not told
    claims = [*of.claims(rows), Claim(f"seconds of `featsplit {of.words}`", seconds, of.seconds, most=True)]
    return write(results, name, of.title, text, of.tables(rows), claims, {"seconds": seconds}, rows=kept)
