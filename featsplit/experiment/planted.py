"""The split of planted data as the non-robust component outgrows the adversary's eps: what survives in each set."""

from dataclasses import replace
from pathlib import Path

import torch

from featsplit.data.planted import Planted, is_planted, planted_from
from featsplit.data.sources import load_data
from featsplit.errors import FeatsplitError
from featsplit.evaluation import Row
from featsplit.experiment.run import run
from featsplit.experiment.settings import Experiment
from featsplit.experiment.stages import Say
from featsplit.experiment.workers import Workers


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

    Raises FeatsplitError where its data are not planted, or an amplitude is out of its range.
    """
    source, rows = experiment.data.source, list[Row]()
    for amplitude in amplitudes:
        planted_with(source, amplitude)
        base = source if ":" in source else f"{source}:"
        each = replace(experiment, data=replace(experiment.data, source=f"{base},nonrobust={amplitude:g}"))
        folder = out / f"{amplitude:g}"
        say(f"non-robust component of amplitude {amplitude:g}")
        data = load_data(each.data)
        found = run(each, data, seeds=seeds, out=folder, device=device, say=say, workers=workers)
        rows += [{**row, "amplitude": amplitude} for row in found if row["part"] in ("main", "planted")]
    return rows


def planted_with(source: str, amplitude: float) -> Planted:
    """What `source` plants, with a non-robust component of that `amplitude`.

    Raises FeatsplitError where `source` is not planted, or the amplitude out of its range.
    """
    if not is_planted(source):
        raise FeatsplitError(f'data.source = "{source}": must be planted; only there the truth is known')
    planted = replace(planted_from(source), nonrobust=amplitude)
    planted.check("--amplitudes")
    return planted
