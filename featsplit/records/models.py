"""Which network: an architecture by its name."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from featsplit.errors import FeatsplitError, check_count, unknown
from featsplit.metadata.plain import Fields

SMALL_ARCHITECTURES = ("linear", "mlp", "maxout", "cnn", "flatcnn", "vgg7", "cw", "densenet10", "resnet8", "resnet14")
WITH_WIDTH = ("mlp", "maxout", "cnn", "flatcnn", "vgg7", "cw", "resnet8", "resnet14")
WITH_STAGES = ("resnet8", "resnet14")
PAPER_ARCHITECTURES = ("resnet18", "resnet50", "vgg16", "densenet", "inception-v3")
IMAGENET_ARCHITECTURES = ("resnet18-imagenet", "resnet50-imagenet")
LIBRARIES = ("timm", "torchvision", "robustbench")
"""Whose networks are called "timm:NAME", "torchvision:NAME", "robustbench:DATA/THREAT/NAME"."""
OUTPUT = "output"
"""The layer that stands for what the whole network returns."""
Pool = Literal["mean", "max", "first", "flatten"]
"""How the output of a layer becomes (N, features): over the places of a map or the tokens, the first token, or all."""
POOLS: tuple[Pool, ...] = get_args(Pool)
ARCHITECTURES = (*SMALL_ARCHITECTURES, *PAPER_ARCHITECTURES, *IMAGENET_ARCHITECTURES)


@dataclass(frozen=True)
class ModelSpec:
    """An architecture by name; `width` and `stages` where it has them (None: its default).

    Besides ours those of timm and torchvision are `timm:NAME` and `torchvision:NAME`, and the user's own
    `module:function`, or `FILE.py:function`. The function is called as `function(shape=(C, H, W), classes=K)` and
    returns an `nn.Module` (see `wrap`).

    With a `layer`, by its name in `named_modules`, or "output", it is an encoder: the output of that layer, pooled by
    `pool` (None: "mean"), is its representation; `built_for` is for how many classes its network was made.
    """

    arch: str = field(
        default="resnet8",
        metadata={
            "help": f"{', '.join(ARCHITECTURES)}, timm:NAME, torchvision:NAME, or module:function.",
            "unit": "NAME",
        },
    )
    width: int | None = field(
        default=None, metadata={"help": f"Channels of the first stage ({', '.join(WITH_WIDTH)})."}
    )
    stages: int | None = field(default=None, metadata={"help": f"Stages of {' and '.join(WITH_STAGES)}."})
    layer: str | None = None
    pool: Pool | None = None
    built_for: int | None = None

    @property
    def is_code(self) -> bool:
        """Whether it is the user's own code that makes the network."""
        before, colon, _ = self.arch.partition(":")
        return bool(colon) and before not in LIBRARIES

    def settled(self) -> "ModelSpec":
        """The same from any working folder: the path of the user's own FILE.py is absolute."""
        file, _, function = self.arch.rpartition(":")
        return replace(self, arch=f"{Path(file).absolute()}:{function}") if file.endswith(".py") else self

    def plain(self) -> Fields:
        """As JSON values; what an encoder alone has is left out of the others."""
        return {
            name: value
            for name, value in asdict(self).items()
            if self.layer or name not in ("layer", "pool", "built_for")
        }

    def is_code_of(self, factory: str | None) -> bool:
        """Whether `factory` names the code that built it: a FILE.py may lie elsewhere now."""
        if factory is None or factory == self.arch:
            return factory == self.arch
        own, other = self.arch.rpartition(":"), factory.rpartition(":")
        of_files = own[0].endswith(".py") and other[0].endswith(".py")
        return of_files and (Path(own[0]).name, own[2]) == (Path(other[0]).name, other[2])

    def check(self, place: str = "model") -> None:
        """Raise FeatsplitError where the name is unknown or a parameter does not belong to it."""
        if ":" not in self.arch and self.arch not in ARCHITECTURES:
            raise unknown(
                f"{place}.arch", self.arch, [*ARCHITECTURES, "timm:NAME", "torchvision:NAME", "module:function"]
            )
        if self.pool is not None and self.pool not in POOLS:
            raise unknown(f"{place}.pool", self.pool, POOLS)
        if self.pool is not None and self.layer is None:
            raise FeatsplitError(f"{place}.pool = {self.pool}: is of the output of a layer; name it, {place}.layer")
        for name, allowed in (("width", WITH_WIDTH), ("stages", WITH_STAGES)):
            value = getattr(self, name)
            if value is None:
                continue
            if self.arch not in allowed:
                raise FeatsplitError(f'{place}.{name} = {value}: "{self.arch}" has none; only {", ".join(allowed)}')
            check_count(f"{place}.{name}", value)
