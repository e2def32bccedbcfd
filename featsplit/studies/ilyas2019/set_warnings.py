"""What is wrong with the sets of a run, as their files say."""

from collections.abc import Sequence
from pathlib import Path

from featsplit.metadata.derived_sets import DerivedSet
from featsplit.metadata.sets import read_set_metadata
from featsplit.report.blocks import Block, Text


def set_warnings(folders: dict[int, Path], derived: Sequence[DerivedSet]) -> list[Block]:
    """A paragraph for each warning of each set in the folder of each seed, with name and seed; none of sound ones."""
    return [
        Text(f"Warning, {name}, seed {seed}: {warning}.")
        for seed, folder in folders.items()
        for name, path in _files(folder, derived).items()
        for warning in read_set_metadata(path).warnings or []
    ]


def _files(folder: Path, derived: Sequence[DerivedSet]) -> dict[str, Path]:
    """The sets in `folder` by what they are called, those of the test images after those of the training images."""
    named = {
        f"{one.label}{title}": folder / "sets" / f"{one.name}{suffix}.h5"
        for suffix, title in (("", ""), ("-test", ", of the test images"))
        for one in derived
    }
    return {name: path for name, path in named.items() if path.is_file()}
