"""Time as a ratio: calls in turn, in one run, medians; and the machine's own rate, to compare with."""

import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch.utils.flop_counter import FlopCounterMode

REPEATS = 5


def interleaved(calls: Mapping[str, Callable[[], object]], *, repeats: int = REPEATS) -> dict[str, float]:
    """The median seconds of each call, all of them in turn `repeats` times, after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for round_ in range(repeats + 1):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            if round_:
                seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(found) for name, found in seconds.items()}


def matmul_calls(dtype: torch.dtype) -> dict[str, tuple[int, Callable[[], object]]]:
    """Square products in `dtype`, by name, each with its floating-point operations."""
    found: dict[str, tuple[int, Callable[[], object]]] = {}
    for size in (512, 1024, 2048):
        left, right = torch.randn(size, size).to(dtype), torch.randn(size, size).to(dtype)
        found[f"matmul {dtype} {size}"] = (2 * size**3, partial(torch.matmul, left, right))
    return found


def matmul_rate(dtype: torch.dtype) -> float:
    """The machine's own rate in GFLOP/s: of square products, the size that is fastest."""
    calls = matmul_calls(dtype)
    seconds = interleaved({name: call for name, (_, call) in calls.items()}, repeats=11)
    return max(flops / seconds[name] for name, (flops, _) in calls.items()) / 1e9


def flops(call: Callable[[], object]) -> int:
    """The operations of a call by torch's counter: two a multiply-add, padding counted as pixels."""
    with FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops())
