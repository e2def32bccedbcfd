"""The split of planted data as the non-robust component outgrows the adversary's eps: what survives in each set."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from featsplit.data.planted import is_planted, planted_from, truth_of
from featsplit.data.sources import load_data
from featsplit.errors import FeatsplitError
from featsplit.evaluation import Row
from featsplit.experiment.run import run
from featsplit.experiment.settings import Experiment
from featsplit.experiment.stages import Say
from featsplit.experiment.workers import Workers
from featsplit.files import replacing


def sweep(
    experiment: Experiment,
    amplitudes: list[float],
    *,
    seeds: list[int],
    out: Path,
    device: torch.device,
    say: Say,
    workers: Workers | None = None,
) -> list[Row]:
    """Run `experiment` for each amplitude of the non-robust component, in `out`/AMPLITUDE; rows with their `amplitude`.

    The ground truth of each goes to `out`/AMPLITUDE/truth.npz. Raises FeatsplitError where its data are not planted.
    """
    source = experiment.data.source
    if not is_planted(source):
        raise FeatsplitError(f'data.source = "{source}": must be planted; only there the truth is known')
    rows = []
    for amplitude in amplitudes:
        told = replace(planted_from(source), nonrobust=amplitude)
        told.check("--amplitudes")
        base = source if ":" in source else f"{source}:"
        each = replace(experiment, data=replace(experiment.data, source=f"{base},nonrobust={amplitude:g}"))
        folder = out / f"{amplitude:g}"
        say(f"non-robust component of amplitude {amplitude:g}")
        data = load_data(each.data)
        found = run(each, data, seeds=seeds, out=folder, device=device, say=say, workers=workers)
        write_truth(folder / "truth.npz", each.data.source)
        rows += [{**row, "amplitude": amplitude} for row in found if row["part"] in ("main", "planted")]
    return rows


def write_truth(path: Path, source: str) -> None:
    """What `source` planted: a pattern of each component for each class, and which class each image shows of it."""
    truth = truth_of(planted_from(source))
    parts = {"patterns": truth.patterns, "train": truth.train, "test": truth.test}
    arrays = {f"{part}_{name}": value.numpy() for part, named in parts.items() for name, value in named.items()}
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # its stubs take the names for options
