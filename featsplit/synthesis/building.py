"""What every builder of a set is asked, as a record."""

from dataclasses import dataclass
from typing import Literal

from featsplit.data.derived import Dtype, check_dtype
from featsplit.data.images import ImageData, Split
from featsplit.errors import check_count
from featsplit.metadata.made_by import MadeBy
from featsplit.runtime import CPU, Machine

SplitName = Literal["train", "test"]


@dataclass(frozen=True)
class Build:
    """What a set is built of and how it is kept, whatever its method.

    It is made of the images of `split`; what is drawn for them derives from `seed`. `dtype` is how the images are
    stored (uint8 rounds), `machine` on what networks are run, `batch_size` None as many images as suit it: neither
    decides what is in the set. `name` is kept in the file ("robust" ...), and `made_by` what is known of the networks.
    What is at the path already is replaced where `overwrite` is true; a build of the same work is taken up.

    `shard` is how many images are written at a time (None: 1024). With `only` that one shard is made, for another build
    to put together; the summary is empty then.
    """

    split: SplitName = "train"
    seed: int = 0
    dtype: Dtype = "float32"
    machine: Machine = CPU
    batch_size: int | None = None
    name: str | None = None
    made_by: MadeBy | None = None
    overwrite: bool = False
    shard: int | None = None
    only: int | None = None

    def check(self) -> None:
        """Raise FeatsplitError where a field is out of its range."""
        check_dtype(self.dtype)
        if self.shard is not None:
            check_count("shard", self.shard)

    def images(self, data: ImageData) -> Split:
        """Those of `data` that the set is made of."""
        return data.train if self.split == "train" else data.test
