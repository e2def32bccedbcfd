"""A whole run: train standard and adversarial, build the four sets, retrain on each, evaluate everything.

D -> standard, adversarial -> D_R, D_NR, D_rand, D_det -> a standard network on each -> rows   (the paper, Fig. 1)
"""

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any

import torch

from featsplit.data.images import ImageData, Split
from featsplit.evaluation import Row
from featsplit.experiment.settings import NETWORKS, SOURCE_NETWORKS, Experiment
from featsplit.experiment.stages import Say, Stages, built, control_rows, evaluated, network, split_of, trained
from featsplit.experiment.workers import Workers
from featsplit.files import check_writable, write_json
from featsplit.models.build import SMALL_ARCHITECTURES
from featsplit.models.checkpoints import versions

MADE_FROM: dict[str, tuple[str, ...]] = {
    "adversarial": (),
    "standard": (),
    "nonrobust": ("standard",),
    "rand": ("standard", "adversarial"),
    "robust": ("adversarial",),
    "det": ("standard", "adversarial"),
}
"""The six networks, each with those that made its training set: the source network first, then the control.

In this order two workers end at about the same time: adversarial training is long, and the rest divides evenly.
"""

Job = tuple[int, str]


def run(
    experiment: Experiment,
    data: ImageData,
    *,
    seeds: list[int],
    out: Path,
    device: torch.device,
    say: Say,
    workers: Workers | None = None,
) -> list[Row]:
    """All stages for each seed, in `out`/seedN; the rows of all seeds, written to `out`/rows.json.

    What an earlier run of the same settings left in `out` is taken up: a run that was killed goes on where it stopped.
    With several `workers` (None: this process), networks that do not need each other are made side by side.
    """
    jobs = {(seed, name): [(seed, other) for other in MADE_FROM[name]] for seed in seeds for name in MADE_FROM}
    work = partial(_network, experiment, data, out, device, say)
    found = (workers or Workers()).carry_out(work, jobs)
    rows = [row for seed in seeds for name in NETWORKS for row in found[seed, name]]
    write_json(out / "rows.json", rows)
    return rows


def usual_workers(experiment: Experiment, device: torch.device) -> int:
    """As many processes as torch would use threads, where the network is small and on the CPU; else one."""
    small = experiment.model.arch in SMALL_ARCHITECTURES
    return min(torch.get_num_threads(), len(NETWORKS)) if small and device.type == "cpu" else 1


def _network(experiment: Experiment, data: ImageData, out: Path, device: torch.device, say: Say, job: Job) -> list[Row]:
    """All that belongs to one network of one seed: its training set, its training, its rows."""
    seed, name = job
    stages = Stages(experiment, data, out / f"seed{seed}", seed, device, say)
    if name in SOURCE_NETWORKS:
        return evaluated(stages, name, trained(stages, name, data.train), "source", data.test, attacked=True)
    source, *control = (network(stages, other) for other in MADE_FROM[name])
    summary = built(stages, name, source, *control)
    model = trained(stages, name, split_of(stages, name))
    rows = evaluated(stages, name, model, "source", data.test, attacked=True)
    if name == "det":
        shifted = Split(data.test.images, (data.test.labels + 1) % len(data.classes))
        rows += evaluated(stages, name, model, "source:next", shifted, attacked=False)
    return rows + (control_rows(stages, name, summary, len(data.train)) if control else [])


def reopen(out: Path) -> None:
    """Take the mark of a finished run from `out`, before anything there changes; the folder must be writable."""
    check_writable(out / "run.json", overwrite=True)
    (out / "run.json").unlink(missing_ok=True)


def close(out: Path, experiment: Experiment, seeds: list[int]) -> None:
    """Mark the run in `out` as finished."""
    write_json(out / "run.json", _mark(out, experiment, seeds))


def finished(out: Path, experiment: Experiment, seeds: list[int]) -> bool:
    """Whether `out` holds the finished run of these settings and seeds, by these versions, with these rows.

    The user's own data and code may have changed since, so a run of them is never taken as finished by its settings.
    """
    source = experiment.data.source
    if ":" in source or source.endswith(".h5") or ":" in experiment.model.arch:
        return False
    try:
        return bool(json.loads((out / "run.json").read_text()) == _mark(out, experiment, seeds))
    except (OSError, ValueError):
        return False


def _mark(out: Path, experiment: Experiment, seeds: list[int]) -> dict[str, Any]:
    rows = hashlib.sha256((out / "rows.json").read_bytes()).hexdigest()
    settings: dict[str, Any] = json.loads(json.dumps(experiment.plain()))
    return {"settings": settings, "seeds": seeds, "versions": versions(), "rows": rows}
