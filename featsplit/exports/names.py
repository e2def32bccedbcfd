"""Names of classes as names of folders, which every file system takes and every reader puts in the order of the labels.

torchvision's ImageFolder and others number the folders as they sort by name.
"""

import unicodedata
from collections.abc import Sequence

from featsplit.data.imagefiles import is_skipped
from featsplit.exports.table import TABLE

KEPT = frozenset(" -+_.,()")
BYTES = 120
"""Of a name at most; a file system takes 255."""
RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))]
)
"""Names that Windows keeps for itself, whatever follows a dot."""


def folder_names(classes: Sequence[str]) -> tuple[str, ...]:
    """A folder name for each class, all distinct also where case does not count, sorted as the labels are.

    The class's own name where that does: letters and digits of any script and a few signs, every other character `_`.
    Where two would be the same, or they would sort otherwise, the label stands before each: `0_dog`, `1_cat`.
    """
    names = tuple(map(_safe, classes))
    folded = [unicodedata.normalize("NFKC", name).casefold() for name in names]
    if list(names) == sorted(names) and len(set(folded)) == len(names):
        return names
    width = len(str(len(names) - 1))
    return tuple(f"{label:0{width}d}_{name}" for label, name in enumerate(names))


def _safe(name: str) -> str:
    """`name` with `_` in the place of what is no letter, mark, digit or harmless sign; never hidden, never empty."""
    kept = "".join(one if _is_kept(one) else "_" for one in unicodedata.normalize("NFC", name))
    short = kept.encode()[:BYTES].decode(errors="ignore").strip(" .") or "_"
    taken = short.casefold() == TABLE or short.split(".")[0].lower() in RESERVED
    return f"{short}_" if taken or is_skipped(short) else short


def _is_kept(one: str) -> bool:
    return one in KEPT or unicodedata.category(one)[0] in "LMN"
