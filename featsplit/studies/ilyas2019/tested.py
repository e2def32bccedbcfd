"""What a network of a run is tested on."""

from dataclasses import dataclass
from typing import Literal

from featsplit.rows import Row

SplitName = Literal["train", "test"]


@dataclass(frozen=True)
class TestSet:
    """The images that a network is tested on, as rows name them (see `featsplit.rows.Row`)."""

    name: str = "source"
    split: SplitName | None = None
    labels: Literal["next"] | None = None

    __test__ = False  # no test of pytest's

    @property
    def stem(self) -> str:
        """As it stands in the names of files."""
        return "-".join(word for word in (self.name, self.split, self.labels) if word)

    def fields(self) -> Row:
        """The fields of a row that name it."""
        row: Row = {"test_set": self.name}
        if self.split:
            row["split"] = self.split
        if self.labels:
            row["labels"] = self.labels
        return row
