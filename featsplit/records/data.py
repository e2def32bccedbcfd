"""Which images: a source, and what to keep of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from featsplit.errors import FeatsplitError, unknown
from featsplit.metadata.plain import Fields

STORED = ("mnist", "fashion-mnist", "kmnist", "cifar10", "cifar100", "svhn")
"""Those of torchvision."""
PLANTED, HUB, IMAGENET, RESTRICTED = "planted", "hf:", "imagenet:", "restricted-imagenet:"
OWN = ("folder:PATH", "npz:PATH", f"{HUB}FOLDER", f"{HUB}NAME", f"{IMAGENET}PATH", f"{RESTRICTED}PATH")
SOURCES = ("digits", *STORED, PLANTED, *OWN, "FILE.h5")
SOURCES_IN_WORDS = f"{', '.join(SOURCES[:-1])}, or a derived {SOURCES[-1]}"


Dtype = Literal["float32", "float16", "uint8"]
"""How the images of a derived set are stored."""
DTYPES: tuple[Dtype, ...] = get_args(Dtype)
ResizeMode = Literal["squeeze", "crop"]
RESIZE_MODES: tuple[ResizeMode, ...] = get_args(ResizeMode)


@dataclass(frozen=True)
class DataSpec:
    """Which images: a source (`digits`, `cifar10`, `folder:PATH`, `hf:NAME`, `FILE.h5` ...) and what to keep of it.

    `classes` keeps these, in this order: each by its name, by an unambiguous beginning of it, or by its number.
    `holdout` puts that fraction of the train split in the place of the test split, to choose settings without looking
    at the test images, or where there are none; `limit` and `limit_test` are numbers of images;
    `resize` is a side in pixels, and `resize_mode` ("squeeze" or "crop") says how an image is made square. `seed`
    decides which images `holdout` and the limits take.
    """

    source: str = field(
        metadata={
            "help": f"The data set: {SOURCES_IN_WORDS}.",
            "flag": "--data",
            "unit": "SRC",
        }
    )
    resize: int | None = field(
        default=None,
        metadata={
            "help": "Resize every image to this side, in pixels; squeezes an image that is not square, see "
            "--resize-mode."
        },
    )
    limit: int | None = field(default=None, metadata={"help": "Keep this many training images, stratified."})
    limit_test: int | None = field(default=None, metadata={"help": "Keep this many test images, stratified."})
    classes: tuple[str | int, ...] | None = field(
        default=None,
        metadata={
            "help": "Keep these classes: names, their beginnings, or numbers, with commas between them.",
            "unit": "NAMES",
        },
    )
    holdout: float = field(
        default=0.0,
        metadata={
            "help": "Validate on this part of the training images, not on the test images; which a source then may "
            "lack."
        },
    )
    seed: int = field(
        default=0, metadata={"help": "Decides which images --limit and --holdout take.", "flag": "--data-seed"}
    )
    resize_mode: ResizeMode = field(
        default="squeeze",
        metadata={"help": "How --resize makes an image square: squeeze it, or crop the middle of it."},
    )

    def check(self, place: str = "data") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range, or does not go with another."""
        if self.resize is not None and self.resize < 1:
            raise FeatsplitError(
                f"{place}.resize = {self.resize}: must be at least 1, the side of the images in pixels"
            )
        if self.resize_mode not in RESIZE_MODES:
            raise unknown(f"{place}.resize_mode", self.resize_mode, RESIZE_MODES)
        if self.resize_mode != "squeeze" and self.resize is None:
            raise FeatsplitError(
                f'{place}.resize_mode = "{self.resize_mode}": says how to resize, and {place}.resize is not given; '
                "give --resize N, the side in pixels"
            )
        if not 0 <= self.holdout < 1:
            rule = "must be at least 0 and below 1, the part of the train images to validate on"
            raise FeatsplitError(f"{place}.holdout = {self.holdout:g}: {rule}")
        for name, cure in (("resize", "planted:size=N"), ("classes", "planted:classes=N")):
            if is_planted(self.source) and getattr(self, name) is not None:
                raise FeatsplitError(f"{place}.{name}: not for planted data, whose truth it would change; write {cure}")


def is_planted(source: str) -> bool:
    """Whether `source` names planted data."""
    return source == PLANTED or source.startswith(f"{PLANTED}:")


def describe(spec: DataSpec) -> Fields:
    """`spec` as plain data for TOML and JSON; `spec_from` reads it back.

    `resize_mode` is in it only where it is not the usual one: the description of files of before is still theirs.
    """
    told = {**asdict(spec), "classes": list(map(str, spec.classes)) if spec.classes is not None else None}
    return {name: value for name, value in told.items() if (name, value) != ("resize_mode", "squeeze")}


def spec_from(description: Mapping[str, Any]) -> DataSpec:
    """The DataSpec that `describe` turned into `description`; FeatsplitError for a field that there is not."""
    names = [field.name for field in fields(DataSpec)]
    for name in description:
        if name not in names:
            raise unknown("data", name, names)
    classes = description.get("classes")
    return DataSpec(**{**description, "classes": tuple(classes) if classes is not None else None})
