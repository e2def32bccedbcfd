"""How a derived set leaves: in whose format, and what its card says that the file cannot know."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from featsplit.errors import FeatsplitError, check_count, unknown

Format = Literal["madrylab", "folder", "npz", "hf", "webdataset"]
"""The published sets' layout; PNG files by class; one file of numpy; Hugging Face's; tar shards."""
FORMATS: tuple[Format, ...] = get_args(Format)
SHARD = 1000
"""Images in a tar file."""
_ONLY = {"shard": "webdataset", "push": "hf", "other_split": "npz"}
"""The fields that one format alone has."""


@dataclass(frozen=True)
class Export:
    """In which `format` a set is written; under which `license` and by whom (`creator`), which no file of ours knows.

    `shard` is how many images a tar of "webdataset" holds (None: `SHARD`). With `push` the rows of "hf" are uploaded
    to that repository of Hugging Face too; without, nothing goes anywhere. `other_split` adds to "npz" the images of
    the source that the set was not made of, so that the file is a whole data set.
    """

    format: Format = field(
        default="madrylab",
        metadata={
            "help": "The published sets' layout; PNG files by class; one file of numpy; Hugging Face's load_from_disk; "
            "tar shards. Each keeps every column (docs/share.md)."
        },
    )
    license: str | None = field(
        default=None,
        metadata={
            "help": "Of the images, for the card: a name of spdx.org such as CC-BY-4.0, a text or a URL.",
            "unit": "NAME",
            "default": "unknown",
            "group": "Card",
        },
    )
    creator: str | None = field(
        default=None,
        metadata={"help": "Who made the set, for the card.", "unit": "NAME", "default": "not told", "group": "Card"},
    )
    shard: int | None = field(default=None, metadata={"help": "Of webdataset: images in a tar.", "default": str(SHARD)})
    other_split: bool = field(
        default=False,
        metadata={"help": "Of npz: add the source's images of the other split; a whole data set, npz:FILE."},
    )
    push: str | None = field(
        default=None,
        metadata={
            "help": "Of hf: upload it to this repository too, private until you change that there.",
            "unit": "REPO",
            "default": "nothing is uploaded",
        },
    )

    def check(self, place: str = "export") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range, or is of another format."""
        if self.format not in FORMATS:
            raise unknown(f"{place}.format", self.format, FORMATS)
        for name, owner in _ONLY.items():
            value = getattr(self, name)
            if value not in (None, False) and self.format != owner:
                shown = "" if value is True else f" = {value}"
                raise FeatsplitError(f"{place}.{name}{shown}: belongs to --format {owner}")
        check_count(f"{place}.shard", self.images_a_tar)
        for name in ("license", "creator", "push"):
            if getattr(self, name) == "":
                raise FeatsplitError(f"{place}.{name}: is empty; leave it out, or say it")

    @property
    def images_a_tar(self) -> int:
        """Images in each tar but the last."""
        return SHARD if self.shard is None else self.shard
