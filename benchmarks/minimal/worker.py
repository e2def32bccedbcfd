"""python -m benchmarks.minimal.worker TASK OUT: run attacks on a network, each result a line of JSON appended to OUT.

TASK is a file by torch.save: the file of the network, inputs, labels, and the jobs.
"""

import json
import sys
import time
import warnings
from pathlib import Path
from typing import NamedTuple, TypedDict

import torch
from torch import Tensor

from benchmarks.minimal.judge import Counted, distances
from benchmarks.minimal.ours import OURS
from benchmarks.minimal.peers import PEERS
from featsplit.geometry import Distance
from featsplit.models.checkpoints import load_model


class Job(NamedTuple):
    """One attack at one number of passes."""

    library: str
    attack: str
    norm: Distance
    passes: int


class Measured(TypedDict):
    """What came of a job; passes and seconds are for an image, seconds those of one processor."""

    job: list[str | int]
    distances: list[float]
    forwards: float
    backwards: float
    seconds: float


def run(path: Path, inputs: Tensor, labels: Tensor, job: Job) -> Measured:
    """Attack once; a single thread, the time of the process: what else runs on the machine does not matter."""
    network = load_model(path).requires_grad_(False)
    counted = Counted(network).eval()
    (attack,) = (a for a in (*OURS, *PEERS) if (a.library, a.name) == job[:2] and job.norm in a.norms)
    torch.manual_seed(0)
    began = time.process_time()
    found = attack.run(counted, inputs.clone(), labels.clone(), job.norm, job.passes)
    seconds, count = time.process_time() - began, len(inputs)
    return {
        "job": list(job),
        "distances": distances(network, inputs, labels, found, job.norm).tolist(),
        "forwards": counted.forwards / count,
        "backwards": counted.backwards / count,
        "seconds": seconds / count,
    }


def main(task: Path, out: Path) -> None:
    """Run what `task` says."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of the peers
    work = torch.load(task)
    inputs = work["inputs"].contiguous()
    run(Path(work["network"]), inputs[:4], work["labels"][:4], Job(*work["jobs"][0]))  # imports are not timed
    for job in work["jobs"]:
        measured = run(Path(work["network"]), inputs, work["labels"], Job(*job))
        with out.open("a") as file:
            file.write(json.dumps(measured) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
