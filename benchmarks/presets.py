"""A preset as a user runs it, a whole process over three seeds: its tables, its time, and what was to be shown."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple

from benchmarks.machine import machine, told
from benchmarks.pages import as_json
from featsplit.engine.results import Results
from featsplit.report.blocks import Block, Brief, Code, Explorer, Folded, Heading, Links, Picture, Plot
from featsplit.report.cells import as_markdown
from featsplit.report.intervals import Term, weighted
from featsplit.report.markdown import as_page
from featsplit.report.rows import picked
from featsplit.rows import Row
from featsplit.studies import open_results, study_named

SEEDS = "0,1,2"


class Accuracy(NamedTuple):
    """The accuracy on the test set of the network of a training set, clean where `eps` is None, with a weight."""

    weight: float
    train_set: str
    eps: float | None = None


class Aim(NamedTuple):
    """A weighted sum of accuracies that is to be above `least`, over seeds."""

    what: str
    accuracies: tuple[Accuracy, ...]
    least: float


class Limit(NamedTuple):
    """How many seconds one seed, or all of them, may take."""

    what: Literal["one seed", "all seeds"]
    seconds: float


def further(left: str, right: str, eps: float) -> tuple[Accuracy, ...]:
    """How far the network of one training set is above that of another."""
    return Accuracy(1.0, left, eps), Accuracy(-1.0, right, eps)


AIMS: dict[str, tuple[Aim, ...]] = {
    "digits": (
        Aim("D_R above standard at L2 .6", further("robust", "source", 0.6), 0.05),
        Aim("standard above D_NR at L2 .6", further("source", "nonrobust", 0.6), 0.05),
        Aim("D_rand, clean", (Accuracy(1.0, "rand"),), 0.4),
        Aim("D_det, clean", (Accuracy(1.0, "det"),), 0.2),
    ),
    "mnist-mini": (
        Aim("D_R above standard at L2 .5", further("robust", "source", 0.5), 0.0),
        Aim("standard above D_NR at L2 .5", further("source", "nonrobust", 0.5), 0.0),
        Aim("D_rand, clean", (Accuracy(1.0, "rand"),), 0.1),
        Aim("D_det, clean", (Accuracy(1.0, "det"),), 0.1),
    ),
    "cifar10-mini": (
        Aim("D_R less twice standard at L2 .25", (Accuracy(1.0, "robust", 0.25), Accuracy(-2.0, "source", 0.25)), 0.0),
        Aim("D_rand, clean", (Accuracy(1.0, "rand"),), 0.25),
        Aim("D_det, clean", (Accuracy(1.0, "det"),), 0.2),
    ),
    "cifar10-cpu": (),
    "szegedy2014-mini": (),
    "goodfellow2015-mini": (),
    "kurakin2017-mini": (),
    "carlini2017-mini": (),
    "foundation-mini": (),
    "szegedy2014": (),
    "goodfellow2015": (),
    "kurakin2017": (),
    "carlini2017": (),
}
"""Of the studies before the paper the statements on their pages are the aims."""
LIMITS = {
    "digits": Limit("one seed", 40),
    "mnist-mini": Limit("one seed", 180),
    "cifar10-mini": Limit("all seeds", 1200),
    "szegedy2014-mini": Limit("one seed", 300),
    "goodfellow2015-mini": Limit("one seed", 300),
    "kurakin2017-mini": Limit("one seed", 300),
    "carlini2017-mini": Limit("one seed", 300),
    "foundation-mini": Limit("one seed", 600),
    "szegedy2014": Limit("one seed", 3600),
    "goodfellow2015": Limit("one seed", 3600),
    "kurakin2017": Limit("one seed", 3600),
    "carlini2017": Limit("one seed", 3600),
}
FULL = ("szegedy2014", "goodfellow2015", "kurakin2017", "carlini2017")
"""The studies before the paper at the size of its images."""
ONE_SEED = ("cifar10-cpu", *FULL)
"""Those that take so long that they are run for one seed alone."""


def measure(name: str, results: Path, *, data_root: Path | None, validation: bool, run: Path | None) -> bool:
    """Run preset `name`, first for one seed with its time, then for all; write the tables; whether no aim is missed.

    With `validation` on a fifth of the training images, held out, in the place of the test images. Of the finished
    `run` in a folder, if given, the tables are written, and nothing is run or timed.
    """
    if run is not None:
        return write(name, results, open_results(run), None, validation=validation)
    extra = ["--data-root", str(data_root)] if data_root else []
    extra += ["--set", "data.holdout=0.2"] if validation else []
    with TemporaryDirectory() as folder:
        seconds = run_preset(name, Path(folder), "0", extra)
        more = 0.0 if name in ONE_SEED else run_preset(name, Path(folder), SEEDS, extra)  # takes seed 0 up
        return write(name, results, open_results(Path(folder)), (seconds, seconds + more), validation=validation)


def write(
    name: str, results: Path, run: Results[Any], seconds: tuple[float, float] | None, *, validation: bool
) -> bool:
    """Write the rows, the tables and the verdicts on the aims of preset `name`; whether none of them is missed.

    Of the rows those by epoch are left out. `seconds` are of one seed and of all; None where they were not measured.
    """
    seen, verdicts = machine(), [*_aims(name, run.rows), *(_limits(name, seconds) if seconds else [])]
    command = f"python -m benchmarks {name}" + (" --validation" if validation else "")
    stem = f"{name}-validation" if validation else name
    content: dict[str, Any] = {"command": command, "machine": seen, "settings": run.settings.plain()}
    content |= {"chance": run.chance}
    if seconds:
        content |= {"seconds_one_seed": seconds[0], "seconds_all_seeds": seconds[1]}
        taken = f"one seed took {seconds[0]:.0f} s as a whole process, seeds {run.seeds} {seconds[1]:.0f} s"
    else:
        stages = sum(float(cell) for _, *seconds_of in run.times()[1:] for cell in seconds_of)
        taken = (
            f"seeds {run.seeds}, beside other work; its stages took {stages:.0f} s in all, some of them side by side"
        )
    content["aims"] = [dict(zip(HEAD, line, strict=True)) for line in verdicts]
    rows = [row for row in run.rows if row["experiment"] != "epochs"]
    (results / f"{stem}.json").write_text(as_json(content, rows))
    blocks = _filled(_in_text(study_named(run.settings.study).page(run)))
    page = [
        f"`{command}`: {taken}.",
        f"Machine: {told(seen)}.",
        *([as_markdown([HEAD, *verdicts])] if verdicts else []),
        as_page(blocks, results).rstrip(),
    ]
    (results / f"{stem}.md").write_text("\n\n".join(page) + "\n")
    print("\n\n".join(page))
    return all(line[-1] != "does not hold" for line in verdicts)


HEAD = ["aim", "measured (95 % interval)", "bound", "verdict"]


def _aims(name: str, rows: Sequence[Row]) -> list[list[str]]:
    """The verdict on each aim, by its interval over images and seeds."""
    lines = []
    for aim in AIMS[name]:
        terms = [
            Term(weight, picked(rows, experiment="main", train_set=of, training="standard", test_set="source", eps=eps))
            for weight, of, eps in aim.accuracies
        ]
        found = weighted(terms)
        lines.append([aim.what, f"{found}", f"above {aim.least:g}", found.above(aim.least)])
    return lines


def _limits(name: str, seconds: tuple[float, float]) -> list[list[str]]:
    """The verdict on the time, which is measured once."""
    if name not in LIMITS:
        return []
    what, most = LIMITS[name]
    taken = seconds[0] if what == "one seed" else seconds[1]
    return [[f"seconds of {what}", f"{taken:.0f}", f"at most {most:g}", "holds" if taken <= most else "does not hold"]]


def _in_text(blocks: Sequence[Block]) -> list[Block]:
    """What is in texts and tables, of folded blocks too."""
    found: list[Block] = []
    for block in blocks:
        if isinstance(block, Folded):
            found += [Heading(block.title, 3), *_in_text(block.blocks)]
        elif not isinstance(block, Plot | Picture | Explorer | Code | Brief | Links):
            found.append(block)
    return found


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
