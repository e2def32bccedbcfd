"""The jobs of a seed: those of a run of the paper for each amplitude, in a folder of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from featsplit.engine.jobs import Job, Work, Worker
from featsplit.studies.ilyas2019.jobs import grids, jobs_in
from featsplit.studies.ilyas2019.networks import derived_sets
from featsplit.studies.ilyas2019.stages import Place
from featsplit.studies.planted.rows import SweptRow
from featsplit.studies.planted.settings import Settings

EXPERIMENTS = ("main", "planted")
"""Whose rows are kept."""


def jobs(settings: Settings, seed: int) -> list[Job]:
    """The jobs of `seed`, amplitude by amplitude."""
    found = []
    for amplitude in settings.amplitudes:
        place = place_of(settings, amplitude, seed)
        each = [*jobs_in(place), *grids(place, derived_sets(place.settings))]
        found += [replace(job, work=AtAmplitude(amplitude, job.work)) for job in each]
    return found


def place_of(settings: Settings, amplitude: float, seed: int) -> Place:
    """Where the run of `seed` lies whose non-robust component has this `amplitude`."""
    return Place(settings.at(amplitude), seed, folder=f"{amplitude:g}")


@dataclass(frozen=True)
class AtAmplitude:
    """The `work` of a run whose non-robust component has this `amplitude`."""

    amplitude: float
    work: Work

    def __call__(self, worker: Worker) -> Sequence[SweptRow]:
        """The rows of accuracies and of what was kept, with their amplitude."""
        rows = [row for row in self.work(worker) if row["experiment"] in EXPERIMENTS]
        return [cast(SweptRow, {**row, "amplitude": self.amplitude}) for row in rows]
