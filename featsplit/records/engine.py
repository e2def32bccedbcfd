"""On what the jobs of a run are carried out, as a record."""

from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from featsplit.errors import FeatsplitError, check_count, unknown

EngineName = Literal["local", "ray"]


@dataclass(frozen=True)
class EngineSpec:
    """Processes of this machine, or Ray: all machines of a cluster, or all GPUs of this one.

    With Ray a job takes `cpus` and `gpus`, and begins again, as often as `retries`, where its process or its machine
    dies; it goes on at its last epoch or shard.
    """

    engine: EngineName | None = field(
        default=None,
        metadata={"help": "local processes, or ray: several GPUs, several machines.", "default": "local"},
    )
    workers: int | None = field(
        default=None,
        metadata={"help": "Processes side by side (local).", "default": "one a core for a small network", "min": 1},
    )
    address: str | None = field(
        default=None,
        metadata={"help": "Of a Ray cluster (ray): auto, HOST:PORT.", "default": "a Ray of its own", "unit": "ADDRESS"},
    )
    cpus: float = field(default=1.0, metadata={"help": "A job takes so many (ray)."})
    gpus: float | None = field(
        default=None,
        metadata={"help": "A job takes so many (ray); .5: two share one.", "default": "1 where there are any"},
    )
    shard: int = field(default=1024, metadata={"help": "Images of a derived set that one job makes.", "min": 1})
    ranks: int = field(
        default=1, metadata={"help": "Processes of one machine that train a network together, a GPU each.", "min": 1}
    )
    retries: int = field(default=3, metadata={"help": "Of a job whose process or machine died (ray).", "min": 0})

    def check(self, place: str = "engine") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range, or says nothing of this engine."""
        if self.engine is not None and self.engine not in get_args(EngineName):
            raise unknown(f"{place}.engine", self.engine, get_args(EngineName))
        if self.workers is not None:
            check_count(f"{place}.workers", self.workers)
        for name in ("shard", "ranks"):
            check_count(f"{place}.{name}", getattr(self, name))
        if not 0 < self.cpus < float("inf"):
            raise FeatsplitError(f"{place}.cpus = {self.cpus:g}: must be above 0")
        if self.gpus is not None and not 0 <= self.gpus < float("inf"):
            raise FeatsplitError(f"{place}.gpus = {self.gpus:g}: must be at least 0")
        if self.retries < 0:
            raise FeatsplitError(f"{place}.retries = {self.retries}: must be at least 0")
        if self.engine is None:  # a file may say it
            return
        usual, of_ray = EngineSpec(), ("address", "cpus", "gpus", "retries")
        for name in ("workers",) if self.engine == "ray" else of_ray:
            if getattr(self, name) != getattr(usual, name):
                other = "local" if self.engine == "ray" else "ray"
                raise FeatsplitError(
                    f'{place}.{name} = {getattr(self, name)}: is of the engine "{other}"; leave it out'
                )

    def settled(self, place: str = "engine") -> "EngineSpec":
        """The same with the usual engine where none was said; FeatsplitError where a field is not of that."""
        found = self if self.engine else replace(self, engine="local")
        found.check(place)
        return found
