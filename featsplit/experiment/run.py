"""A whole run: train standard and adversarial, build the four sets, retrain on each, evaluate everything.

D -> standard, adversarial -> D_R, D_NR, D_rand, D_det -> a standard network on each -> rows   (the paper, Fig. 1)

What else is measured, by the experiment's `parts`, is in `plan` and `parts`; where a run goes, in `folders`.
"""

from functools import partial
from pathlib import Path

import torch

from featsplit.data.images import ImageData, Split
from featsplit.data.planted import is_planted, write_truth
from featsplit.evaluation import Row
from featsplit.experiment.discussion import DISCUSSION
from featsplit.experiment.parts import MEASURES, by_epoch, construction, planted
from featsplit.experiment.plan import MADE, ON_SOURCE, jobs_of, part_of, set_of
from featsplit.experiment.settings import NETWORKS, SOURCE_NETWORKS, Experiment
from featsplit.experiment.stages import Say, Stages, built, evaluated, network, split_of, trained
from featsplit.experiment.workers import Workers
from featsplit.files import write_json
from featsplit.models.build import SMALL_ARCHITECTURES

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
    """All stages for each seed, in `out`/seedN; the rows of all seeds, written to `out`/rows.json; of planted data
    the ground truth, to `out`/truth.npz.

    What an earlier run of the same settings left in `out` is taken up: a run that was killed goes on where it stopped.
    With several `workers` (None: this process), networks that do not need each other are made side by side.
    """
    needs = jobs_of(experiment)
    jobs = {(seed, name): [(seed, other) for other in needs[name]] for seed in seeds for name in needs}
    work = partial(_rows, experiment, data, out, device, say)
    found = (workers or Workers()).carry_out(work, jobs)
    names = [*NETWORKS, *(name for name in needs if name not in NETWORKS)]
    rows = [row for seed in seeds for name in names for row in found[seed, name]]
    write_json(out / "rows.json", rows)
    if is_planted(experiment.data.source):
        write_truth(out / "truth.npz", experiment.data.source)
    return rows


def usual_workers(experiment: Experiment, device: torch.device) -> int:
    """As many processes as torch would use threads, where the network is small and on the CPU; else one."""
    small = experiment.model.arch in SMALL_ARCHITECTURES
    return min(torch.get_num_threads(), len(NETWORKS)) if small and device.type == "cpu" else 1


def _rows(experiment: Experiment, data: ImageData, out: Path, device: torch.device, say: Say, job: Job) -> list[Row]:
    """The rows of a job (see `plan.jobs_of`)."""
    seed, name = job
    stages = Stages(experiment, data, out / f"seed{seed}", seed, device, say)
    stages.folder.mkdir(parents=True, exist_ok=True)
    measure = (MEASURES | DISCUSSION).get(set_of(name), _network)
    return measure(stages, name)


def _network(stages: Stages, name: str) -> list[Row]:
    """All that belongs to one network: its training set, its training, its rows."""
    data, rows, made = stages.data, list[Row](), MADE.get(name)
    if made is not None:
        control = network(stages, "adversarial") if made.control else None
        summary = built(stages, name, network(stages, made.network), control=control)
        rows = construction(stages, name, summary) + planted(stages, name)
    own = set_of(name)
    model = trained(stages, name, data.train if own in ON_SOURCE else split_of(stages, own))
    part = part_of(name)
    attacks = stages.experiment.evaluate.attacks()[: None if part in ("main", "noise") else 1]
    found = evaluated(stages, name, model, "source", data.test, attacks, part=part)
    if own.startswith("det"):
        shifted = Split(data.test.images, (data.test.labels + 1) % len(data.classes))
        found += evaluated(stages, name, model, "source:next", shifted, attacks[:1], part=part)
    return found + rows + (by_epoch(stages, name) if name in (*SOURCE_NETWORKS, *MADE) else [])
