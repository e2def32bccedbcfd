"""What is wrong with the sets of a run, as their files say."""

from pathlib import Path
from typing import TYPE_CHECKING

from featsplit.experiment.plan import sets_of
from featsplit.metadata.sets import read_set_metadata
from featsplit.report.markup import Block, Text
from featsplit.report.tables import NAMES

if TYPE_CHECKING:
    from featsplit.report.page import Run


def set_warnings(run: "Run") -> list[Block]:
    """A paragraph for each warning of each derived set of `run`, with its name and seed; none where all are sound."""
    return [
        Text(f"Warning, {name}, seed {seed}: {warning}.")
        for seed in run.seeds
        for name, path in _files(run, seed).items()
        for warning in read_set_metadata(path).warnings or ()
    ]


def _files(run: "Run", seed: int) -> dict[str, Path]:
    """The sets of `seed` by what they are called, those of the test images after those of the training images."""
    found = {}
    for suffix, title in (("", ""), ("-test", ", of the test images")):
        for name in sets_of(run.experiment):
            path = run.set_file(f"{name}{suffix}", seed)
            if path.is_file():
                found[f"{NAMES[name, 'standard']}{title}"] = path
    return found
