"""Where an export goes: a place that is free, or an earlier export, which --overwrite replaces and nothing else."""

import fnmatch
import json
import os
from pathlib import Path

from featsplit.data.madrylab import IMAGES, LABELS
from featsplit.errors import FeatsplitError
from featsplit.exports.table import TABLE
from featsplit.files import check_writable, writing

CARD, CROISSANT = "README.md", "croissant.json"
OURS = (CARD, CROISSANT, TABLE, IMAGES, LABELS, "train", "test", "*.tar", "*.arrow", "state.json", "dataset_info.json")
"""What lies in the folder of an export of any format."""
MARK = "featsplit"
"""A keyword in the croissant.json of every export."""


def check_folder(out: Path, *, overwrite: bool = False) -> None:
    """Raise FeatsplitError, before any work is done, where `out` cannot become the folder of an export.

    What is there must be an export: a folder with anything else in it is never removed. A link may be replaced.
    """
    if out.suffix == ".npz":
        raise FeatsplitError(f"{out}: names a file; give --format npz, or the name of a folder")
    if out.name in ("", ".."):
        raise FeatsplitError(f"{out}: give the name of a new folder")
    if os.path.lexists(out):
        if not overwrite:
            raise FeatsplitError(f"{out}: exists; give another --out, or --overwrite")
        if not out.is_symlink():
            _check_ours(out)
    with writing(out):
        probe = out.with_name(f".{out.name}.probe")
        probe.touch()
        probe.unlink()


def check_file(path: Path, out: Path, *, overwrite: bool = False) -> None:
    """Raise FeatsplitError, before any work is done, where `out` and what lies beside it cannot become new files.

    `path` is the set that is exported, which is not to be replaced by what is made of it.
    """
    if out.suffix != ".npz":
        raise FeatsplitError(f"--out {out}: must end in .npz")
    if out.exists() and out.samefile(path):
        raise FeatsplitError(f"{out}: is the set itself; give another --out")
    for new in (out, *beside(out)):
        check_writable(new, overwrite=overwrite)


def beside(out: Path) -> tuple[Path, Path]:
    """Where the card and the croissant.json of an export that is one file go."""
    return out.with_name(f"{out.name}.md"), out.with_name(f"{out.name}.json")


def _check_ours(out: Path) -> None:
    if not out.is_dir():
        raise FeatsplitError(f"{out}: is a file; give a folder")
    names = sorted(entry.name for entry in out.iterdir())
    strange = [name for name in names if not any(fnmatch.fnmatchcase(name, ours) for ours in OURS)]
    if strange:
        raise FeatsplitError(f"{out}: holds {strange[0]}, which no export wrote; remove the folder, or give another")
    if not set(names) <= {IMAGES, LABELS} and not _marked(out / CROISSANT):
        raise FeatsplitError(f"{out}: is no export of featsplit; remove the folder, or give another")


def _marked(croissant: Path) -> bool:
    try:
        return MARK in json.loads(croissant.read_text())["keywords"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
