"""One seed, any split of the work: what is random about example i depends on (seed, stage, i) and on nothing else.

A counter-based generator (Philox, Salmon et al. 2011) is keyed by (hash(seed, stage), i), so a start image, a target
or a random start of an attack is the same whatever the batch size, the order, or the number of interruptions.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor


def stage_key(seed: int, stage: str) -> int:
    """A 64-bit key for one stage of the work under one seed."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{stage}".encode()).digest()[:8], "little")


def generators(seed: int, stage: str, indices: Sequence[int] | Tensor) -> Iterator[np.random.Generator]:
    """A generator for each example, in the order of `indices`."""
    key = stage_key(seed, stage)
    for index in indices:
        yield np.random.Generator(np.random.Philox(key=np.array([key, int(index)], dtype=np.uint64)))


def integers(seed: int, stage: str, indices: Sequence[int] | Tensor, high: int) -> Tensor:
    """A uniform integer in [0, high) for each example: (N,) int64."""
    return torch.tensor([int(g.integers(high)) for g in generators(seed, stage, indices)], dtype=torch.int64)


def normal(seed: int, stage: str, indices: Sequence[int] | Tensor, shape: Sequence[int]) -> Tensor:
    """Standard normal noise for each example: (N, *shape) float32 on the CPU."""
    rows = [g.standard_normal(tuple(shape), dtype=np.float32) for g in generators(seed, stage, indices)]
    return torch.from_numpy(np.stack(rows)) if rows else torch.empty((0, *shape))


@contextmanager
def drawn_by(seed: int, stage: str, device: torch.device | str = "cpu") -> Iterator[None]:
    """Inside, what layers such as dropout draw, on the CPU and on `device`, is decided by `seed` and `stage`."""
    place = torch.device(device)
    with torch.random.fork_rng([place] if place.type == "cuda" else []):
        torch.manual_seed(stage_key(seed, stage) >> 1)
        yield


def torch_generator(seed: int, stage: str) -> torch.Generator:
    """A generator for work that has an order of its own, such as one epoch of training."""
    return torch.Generator().manual_seed(stage_key(seed, stage) >> 1)
