"""The jobs of `benchmarks minimal`: run by a worker in the environment that has the library, and kept."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

import featsplit.attacks
from benchmarks.minimal.networks import CACHE, Subject
from benchmarks.minimal.ours import OURS
from benchmarks.minimal.peers import PEERS
from benchmarks.minimal.worker import Job, Measured
from featsplit.geometry import Distance

NORMS: tuple[Distance, ...] = ("l2", "linf", "l0")
ALWAYS = (Job("featsplit", "sparse", "l0", 300), Job("adv-lib", "sigma-zero", "l0", 1000))


def jobs(most: int) -> list[Job]:
    """Every attack in every norm that it knows, at no more than `most` passes; those that a claim needs, always."""
    found = [
        Job(attack.library, attack.name, norm, passes)
        for attack in (*OURS, *PEERS)
        for norm in attack.norms
        for passes in attack.passes
    ]
    return sorted((job for job in found if job.passes <= most or job in ALWAYS), key=lambda job: job.passes)


def measured(subject: Subject, wanted: Sequence[Job], peers: Path | None) -> dict[Job, Measured]:
    """What comes of the jobs on `subject`; what was measured before on the same network and images is not run again.

    Ours is run again after every change of our attacks. A job that a library breaks on ends the whole. Without `peers`
    nothing is run: what is kept comes back.
    """
    log = CACHE / f"{_digest(subject.path)}-{len(subject.labels)}"
    ours = log.with_name(f"{log.name}-{_digest(*sorted(Path(featsplit.attacks.__path__[0]).glob('*.py')))}.jsonl")
    theirs = log.with_name(f"{log.name}-peers.jsonl")
    if peers is None:
        kept = _read(ours) | _read(theirs)
        return {job: kept[job] for job in wanted if job in kept}
    groups = ((Path(sys.executable), ours, True), (peers, theirs, False))
    for python, path, own in groups:
        known = _read(path)
        left = [job for job in wanted if (job.library == "featsplit") == own and job not in known]
        if left:
            _work(python, subject, left, path)
    everything = _read(ours) | _read(theirs)
    return {job: everything[job] for job in wanted}


def _work(python: Path, subject: Subject, left: Sequence[Job], path: Path) -> None:
    with TemporaryDirectory(dir=CACHE) as folder:
        task = Path(folder) / "task"
        plain = [list(job) for job in left]
        content = {"network": str(subject.path), "inputs": subject.inputs, "labels": subject.labels, "jobs": plain}
        torch.save(content, task)
        command = [str(python), "-m", "benchmarks.minimal.worker", str(task), str(path)]
        subprocess.run(command, check=True, cwd=Path(__file__).parents[2])


def _read(path: Path) -> dict[Job, Measured]:
    lines = path.read_text().splitlines() if path.is_file() else []
    found: list[Measured] = [json.loads(line) for line in lines]
    return {Job(*one["job"]): one for one in found}  # type: ignore[arg-type]


def _digest(*paths: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]
