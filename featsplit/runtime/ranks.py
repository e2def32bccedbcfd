"""The processes that work at one network together, started by torchrun or anything else that sets its variables."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn

from featsplit.errors import FeatsplitError

ASKED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun tells each process."""


class Ranks(NamedTuple):
    """This process, number `rank` of the `world` that work at one network."""

    rank: int = 0
    world: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes files and says lines."""
        return self.rank == 0

    def own(self, rows: Tensor) -> Tensor:
        """Those of `rows` that are this process's: the first, and each one `world` further."""
        return rows[self.rank :: self.world]

    def summed(self, values: Tensor) -> Tensor:
        """The sum of `values` over all processes; `values` itself where there is but one."""
        if self.world == 1:
            return values
        total = values.clone()
        dist.all_reduce(total)
        return total

    def joined(self, values: Sequence[Tensor], rows: Tensor, own: Tensor) -> None:
        """Give all processes in `values` (N, ...), at `rows`, what each has found at its `own` rows of these."""
        if self.world == 1:
            return
        for value in values:
            found = torch.zeros_like(value, dtype=torch.int64 if value.dtype == torch.bool else value.dtype)
            found[own] = value[own].to(found.dtype)
            value[rows] = self.summed(found)[rows].to(value.dtype)

    def wait(self) -> None:
        """Go on when all are here."""
        if self.world > 1:
            dist.barrier()

    def alike(self, module: nn.Module) -> None:
        """Give the buffers of `module`, such as BatchNorm's statistics, the values that they have in the first."""
        if self.world > 1:
            for buffer in module.buffers():
                dist.broadcast(buffer, 0)


ALONE = Ranks()
_now = [ALONE]


def ranks_now() -> Ranks:
    """Those of the block of `together` that this is in."""
    return _now[0]


@contextmanager
def together() -> Iterator[Ranks]:
    """This process among those of its group, which hear each other inside; alone where no variables tell of any.

    Raises FeatsplitError where only some of the variables are there.
    """
    told = [name for name in ASKED if name in os.environ]
    if "WORLD_SIZE" not in told or os.environ["WORLD_SIZE"] == "1":
        yield ALONE
        return
    if absent := set(ASKED) - set(told):
        raise FeatsplitError(f"WORLD_SIZE is set and {', '.join(sorted(absent))} not; start it with torchrun")
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo")
    _now[0] = Ranks(dist.get_rank(), dist.get_world_size())
    try:
        yield _now[0]
        dist.barrier()  # none leaves while another still looks for it
    finally:
        _now[0] = ALONE
        dist.destroy_process_group()
