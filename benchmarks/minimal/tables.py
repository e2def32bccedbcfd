"""How near minimum-norm attacks come, ours and those of four libraries, on six networks at equal passes.

The peers live in an environment of their own, named by --peers (its python); PARENT is the one that runs this:

    python -m venv PEERS
    echo PARENT/lib/python3.11/site-packages > PEERS/lib/python3.11/site-packages/parent.pth   # its torch, foolbox
    PEERS/bin/python -m pip install --no-deps adv-lib==0.2.8 torchattacks==3.5.1 \
        adversarial-robustness-toolbox==1.20.1 six

What was measured is kept in benchmarks/.minimal: a run that was stopped goes on. Without --peers nothing is run, and
the tables are of what is kept.
"""

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks.minimal.check import check
from benchmarks.minimal.judge import envelope, optimality
from benchmarks.minimal.networks import NETWORKS, Subject, subject
from benchmarks.minimal.runs import NORMS, jobs, measured
from benchmarks.minimal.worker import Job, Measured
from benchmarks.pages import Claim, write
from featsplit.geometry import Distance, Norm
from featsplit.report.cells import Cells

BOUNDED: tuple[Norm, ...] = ("l2", "linf")
HEAD = ["attack", "passes given", "forward, backward", "optimality", "lowest", "median", "success", "seconds"]
Results = Mapping[str, Mapping[Job, Measured]]


class Line(NamedTuple):
    """One attack over all networks: optimality on each, and means over them of what is for an image."""

    optimality: list[float]
    medians: list[float]
    success: float
    forwards: float
    backwards: float
    seconds: float


def measure(results: Path, *, data_root: Path | None, peers: Path | None, images: int, most: int) -> bool:
    """Write the tables of what attacks find at `most` passes or fewer on `images` of each network; do claims hold?

    Without `peers` nothing is run: the tables are of those attacks that were measured before on all networks.
    """
    subjects = [subject(name, images, data_root) for name in NETWORKS]
    wanted = jobs(most)
    found: Results = {one.name: measured(one, wanted, peers) for one in subjects}
    wanted = [job for job in wanted if all(job in kept for kept in found.values())]
    found = {name: {job: kept[job] for job in wanted} for name, kept in found.items()}
    lines = {job: _line(job, found) for job in wanted}
    claims = [claim for norm in BOUNDED for claim in _closest(norm, lines)]
    claims.append(_sparse(lines))
    checks, agree = _checks(subjects, found)
    figures: dict[str, Any] = {"images": images, "accuracy": {one.name: one.accuracy for one in subjects}}
    figures["attacks"] = [dict(zip(Job._fields, job, strict=True)) | line._asdict() for job, line in lines.items()]
    tables = [*(_table(norm, lines) for norm in NORMS), _networks(lines, subjects), checks]
    return write(results, "minimal", "Minimum-norm attacks", _text(images, most), tables, [*claims, agree], figures)


def _text(images: int, most: int) -> str:
    return (
        f"The first {images} test images of each of six networks (MNIST 14 x 14, CIFAR-10 16 x 16; standard, trained "
        "adversarially in l2, distilled at temperature 100). Optimality is AttackBench's (arXiv:2404.19460) against "
        "the least distance that any attack here found, the mean over networks and the lowest; median is that of the "
        "images read rightly, where a failure is infinitely far, the mean over networks; success is of those. Passes "
        "are counted at the network, for an image; seconds too, of one thread. Every distance is taken by the same "
        "code from the returned images, clamped to [0, 1], by their float32 prediction. C&W has 9 rounds in the passes "
        f"given, in l2 at step size .1. At most {most} passes were given, but for what a claim needs. Changed from the "
        "peers' defaults, for their good: adv-lib's DDN does not round, no C&W in l2 stops by the sum of its batch, "
        "torchattacks' C&W takes the best of three constants, SDF is capped at 10 x 20 steps, ART's DeepFool overshoots"
        " by .02.\n\n"
        "The check by AutoAttack allows one image of 64 (1.6 points), and is missed by another: of the MNIST network "
        "trained adversarially, in linf, AutoAttack finds two that closest with 100 passes does not. Tried: a "
        "bisection after the first phase, which comes nearer in the mean, though not there, and is kept; other first "
        "and last steps, other shares by which a radius shrinks, more steps to the linearised boundary, which do not."
    )


def _line(job: Job, found: Results) -> Line:
    ones = [attacks[job] for attacks in found.values()]
    scores, medians, won = [], [], []
    for attacks, one in zip(found.values(), ones, strict=True):
        same = [torch.tensor(other["distances"]) for key, other in attacks.items() if key.norm == job.norm]
        far, least = torch.tensor(one["distances"]), envelope(same)
        scores.append(optimality(far, least))
        medians.append(float(far[least > 0].median()))
        won.append(float(far[least > 0].isfinite().float().mean()))
    passes = (fmean(one["forwards"] for one in ones), fmean(one["backwards"] for one in ones))
    return Line(scores, medians, fmean(won), *passes, fmean(one["seconds"] for one in ones))


def _table(norm: Distance, lines: Mapping[Job, Line]) -> Cells:
    """The attacks of a norm, the best first."""
    some = sorted((pair for pair in lines.items() if pair[0].norm == norm), key=lambda pair: -fmean(pair[1].optimality))
    rows = [
        [
            f"{norm}: {job.library} {job.attack}",
            str(job.passes or "its own"),
            f"{line.forwards:.0f}, {line.backwards:.0f}",
            f"{fmean(line.optimality):.3f}",
            f"{min(line.optimality):.3f}",
            f"{fmean(line.medians):.4g}",
            f"{line.success:.3f}",
            f"{line.seconds:.4f}",
        ]
        for job, line in some
    ]
    return [HEAD, *rows]


def _networks(lines: Mapping[Job, Line], subjects: list[Subject]) -> Cells:
    """Ours by network."""
    head = ["network", "accuracy"]
    some = [job for job in lines if job.library == "featsplit" and job.attack in ("closest", "sparse")]
    head += [f"{job.attack} {job.norm}, {job.passes}" for job in some]
    rows = [
        [one.name, f"{one.accuracy:.3f}", *(f"{lines[job].optimality[k]:.3f}" for job in some)]
        for k, one in enumerate(subjects)
    ]
    return [head, *rows]


def _closest(norm: Norm, lines: Mapping[Job, Line]) -> list[Claim]:
    """What is claimed of `closest` at 100 passes; the time only where some peer comes near enough."""
    ours = lines[Job("featsplit", "closest", norm, 100)]
    own = fmean(ours.optimality)
    peers = {job: line for job, line in lines.items() if job.norm == norm and job.library != "featsplit"}
    best = max(fmean(line.optimality) for job, line in peers.items() if job.passes <= 400)
    claims = [Claim(f"{norm}: mean optimality of closest at 100 passes", own, 0.98)]
    claims.append(Claim(f"{norm}: that, less the best peer's at up to 400", own - best, 0.0))
    near = [line.seconds for line in peers.values() if fmean(line.optimality) >= own - 0.02]
    if near:
        what = f"{norm}: seconds, by those of the fastest peer within .02 of it"
        claims.append(Claim(what, ours.seconds / min(near), 0.5, most=True))
    return claims


def _sparse(lines: Mapping[Job, Line]) -> Claim:
    ours, theirs = (
        fmean(lines[job].optimality)
        for job in (Job("featsplit", "sparse", "l0", 300), Job("adv-lib", "sigma-zero", "l0", 1000))
    )
    return Claim("l0: mean optimality of sparse at 300 passes, less that of sigma-zero at 1000", ours - theirs, 0.0)


def _checks(subjects: list[Subject], found: Results) -> tuple[Cells, Claim]:
    """Accuracy at the median distance of `closest`, by the distances and under AutoAttack."""
    rows, lower = [["network", "norm", "eps", "accuracy by closest", "under AutoAttack"]], []
    for one in subjects:
        for norm in BOUNDED:
            far: Tensor = torch.tensor(found[one.name][Job("featsplit", "closest", norm, 100)]["distances"])
            seen = check(one, far, norm)
            rows.append([one.name, norm, f"{seen.eps:.4f}", f"{seen.distances:.3f}", f"{seen.autoattack:.3f}"])
            lower.append(seen.distances - seen.autoattack)
    return rows, Claim("AutoAttack's accuracy below that of the distances, at most", max(lower), 0.02, most=True)
