"""On what the jobs of a run are carried out, as records: what is asked for, and what that comes to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args

from featsplit.curves import check_tensorboard
from featsplit.errors import FeatsplitError, check_count, unknown

EngineName = Literal["local", "ray"]
Log = Literal["tensorboard"]
OF: Mapping[str, EngineName] = {
    "workers": "local",
    "address": "ray",
    "cpus": "ray",
    "gpus": "ray",
    "retries": "ray",
}
"""What belongs to one of the engines alone."""


PROCESSES = 1024
"""More of one machine than anyone can have meant."""


@dataclass(frozen=True)
class EngineSpec:
    """Processes of this machine, or Ray: all machines of a cluster, or all GPUs of this one.

    With Ray a job takes `cpus` and `gpus` (None: one where there are any), and begins again, as often as `retries`,
    where its process or its machine dies; it goes on at its last epoch or shard.
    """

    engine: EngineName = "local"
    workers: int | None = None
    address: str | None = None
    cpus: float = 1.0
    gpus: float | None = None
    shard: int = 1024
    ranks: int = 1
    log: Log | None = None
    retries: int = 3

    def on(self, device: str) -> "EngineSpec":
        """The same for jobs on `device`, as the user names it: on the CPU they take no GPU, unless `gpus` was said."""
        of_none = device == "cpu" and self.engine == "ray" and self.gpus is None
        return replace(self, gpus=0.0) if of_none else self


@dataclass(frozen=True)
class EngineOptions:
    """An `EngineSpec` of which not everything is said: None is what a file says, or else its default."""

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
    cpus: float | None = field(default=None, metadata={"help": "A job takes so many (ray).", "default": "1"})
    gpus: float | None = field(
        default=None,
        metadata={"help": "A job takes so many (ray); .5: two share one.", "default": "1 where there are any"},
    )
    shard: int | None = field(
        default=None, metadata={"help": "Images of a derived set that one job makes.", "default": "1024", "min": 1}
    )
    ranks: int | None = field(
        default=None,
        metadata={
            "help": "Processes of one machine that train a network together, a GPU each.", "default": "1", "min": 1,
        },
    )  # fmt: skip
    log: Log | None = field(
        default=None, metadata={"help": "Keep the curves of training as TensorBoard reads them.", "default": "not"}
    )
    retries: int | None = field(
        default=None, metadata={"help": "Of a job whose process or machine died (ray).", "default": "3", "min": 0}
    )

    def over(self, other: "EngineOptions") -> "EngineOptions":
        """The same, with what `other` says where this says nothing, and it belongs to the same engine."""
        said = {name: value for name, value in _said(other).items() if self.engine in (None, OF.get(name, self.engine))}
        return replace(self, **{**said, **_said(self)})

    def settled(self, place: str = "engine") -> EngineSpec:
        """What that comes to; FeatsplitError at `place` where a field is out of its range, or of the other engine."""
        found = replace(EngineSpec(), **_said(self))
        for name, value, known in (("engine", found.engine, EngineName), ("log", found.log, Log)):
            if value is not None and value not in get_args(known):
                raise unknown(f"{place}.{name}", value, get_args(known))
        check_count(f"{place}.shard", found.shard)
        for name, count in (("workers", 1 if found.workers is None else found.workers), ("ranks", found.ranks)):
            check_count(f"{place}.{name}", count, most=PROCESSES)
        if not 0 < found.cpus < float("inf"):
            raise FeatsplitError(f"{place}.cpus = {found.cpus:g}: must be above 0")
        if found.gpus is not None and not 0 <= found.gpus < float("inf"):
            raise FeatsplitError(f"{place}.gpus = {found.gpus:g}: must be at least 0")
        if found.retries < 0:
            raise FeatsplitError(f"{place}.retries = {found.retries}: must be at least 0")
        if found.log is not None:
            check_tensorboard(f'{place}.log = "tensorboard"')
        for name, value in _said(self).items():
            if (other := OF.get(name, found.engine)) != found.engine:
                raise FeatsplitError(f'{place}.{name} = {value}: is of the engine "{other}"; leave it out')
        return found


def _said(options: EngineOptions) -> dict[str, Any]:
    """What is not left open."""
    return {item.name: value for item in fields(options) if (value := getattr(options, item.name)) is not None}
