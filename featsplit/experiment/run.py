"""A whole run: train standard and adversarial, build the four sets, retrain on each, evaluate everything.

D -> standard, adversarial -> D_R, D_NR, D_rand, D_det -> a standard network on each -> rows   (the paper, Fig. 1)
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from featsplit.data.images import ImageData, Split
from featsplit.evaluation import Row
from featsplit.experiment.settings import SETS, SOURCE_NETWORKS, Experiment
from featsplit.experiment.stages import Say, Stages, built, control_rows, evaluated, split_of, trained
from featsplit.files import check_writable, write_json
from featsplit.models.checkpoints import versions


def run(
    experiment: Experiment, data: ImageData, *, seeds: list[int], out: Path, device: torch.device, say: Say
) -> list[Row]:
    """All stages for each seed, in `out`/seedN; the rows of all seeds, written to `out`/rows.json.

    What an earlier run of the same settings left in `out` is taken up: a run that was killed goes on where it stopped.
    """
    rows = []
    for seed in seeds:
        rows += _one_seed(Stages(experiment, data, out / f"seed{seed}", seed, device, say))
    write_json(out / "rows.json", rows)
    return rows


def _one_seed(stages: Stages) -> list[Row]:
    data = stages.data
    models = {name: trained(stages, name, data.train) for name in SOURCE_NETWORKS}
    summaries = {
        "robust": built(stages, "robust", models["adversarial"]),
        "nonrobust": built(stages, "nonrobust", models["standard"]),
        "rand": built(stages, "rand", models["standard"], control=models["adversarial"]),
        "det": built(stages, "det", models["standard"], control=models["adversarial"]),
    }
    models |= {name: trained(stages, name, split_of(stages, name)) for name in SETS}
    rows = [
        row
        for name, model in models.items()
        for row in evaluated(stages, name, model, "source", data.test, attacked=True)
    ]
    shifted = Split(data.test.images, (data.test.labels + 1) % len(data.classes))
    rows += evaluated(stages, "det", models["det"], "source:next", shifted, attacked=False)
    for name in ("rand", "det"):
        rows += control_rows(stages, name, summaries[name], len(data.train))
    return rows


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
