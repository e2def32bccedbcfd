"""Which network: an architecture by its name."""

from dataclasses import dataclass, field

from featsplit.errors import FeatsplitError, check_count, unknown

SMALL_ARCHITECTURES = ("linear", "mlp", "maxout", "cnn", "flatcnn", "vgg7", "cw", "densenet10", "resnet8", "resnet14")
WITH_WIDTH = ("mlp", "maxout", "cnn", "flatcnn", "vgg7", "cw", "resnet8", "resnet14")
WITH_STAGES = ("resnet8", "resnet14")
PAPER_ARCHITECTURES = ("resnet18", "resnet50", "vgg16", "densenet", "inception-v3")
IMAGENET_ARCHITECTURES = ("resnet18-imagenet", "resnet50-imagenet")
ARCHITECTURES = (*SMALL_ARCHITECTURES, *PAPER_ARCHITECTURES, *IMAGENET_ARCHITECTURES)


@dataclass(frozen=True)
class ModelSpec:
    """An architecture by name, or as `module:function`; `width` and `stages` where it has them (None: its default).

    The function is called as `function(shape=(C, H, W), classes=K)` and returns an `nn.Module` (see `wrap`).
    """

    arch: str = field(
        default="resnet8", metadata={"help": f"{', '.join(ARCHITECTURES)}, or module:function.", "unit": "NAME"}
    )
    width: int | None = field(
        default=None, metadata={"help": f"Channels of the first stage ({', '.join(WITH_WIDTH)})."}
    )
    stages: int | None = field(default=None, metadata={"help": f"Stages of {' and '.join(WITH_STAGES)}."})

    def check(self, place: str = "model") -> None:
        """Raise FeatsplitError where the name is unknown or a parameter does not belong to it."""
        if ":" not in self.arch and self.arch not in ARCHITECTURES:
            raise unknown(f"{place}.arch", self.arch, [*ARCHITECTURES, "module:function"])
        for name, allowed in (("width", WITH_WIDTH), ("stages", WITH_STAGES)):
            value = getattr(self, name)
            if value is None:
                continue
            if self.arch not in allowed:
                raise FeatsplitError(f'{place}.{name} = {value}: "{self.arch}" has none; only {", ".join(allowed)}')
            check_count(f"{place}.{name}", value)
