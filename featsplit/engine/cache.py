"""Rows that are kept: measured once, and read again while the same things decide them."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from featsplit.files import json_digest, write_json
from featsplit.models.checkpoints import decisive
from featsplit.rows import Row

FORMAT = 5
"""The format of a row; one of another format is measured again."""
Kept = TypeVar("Kept", bound=Row)


def kept_rows(path: Path, depends_on: Mapping[str, object], measure: Callable[[], Sequence[Kept]]) -> Sequence[Kept]:
    """The rows at `path` where the same (JSON) values decided them, else those that `measure` gives, kept there.

    They depend on torch's version too, and on the package's where numbers changed. Rows of which a byte has changed
    since are measured again.
    """
    key = json_digest({**depends_on, "versions": decisive(), "format": FORMAT})
    try:
        kept = dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        kept = {}
    if kept.get("key") == key and kept.get("digest") in (None, json_digest(kept["rows"])):
        return list(kept["rows"])
    rows = measure()
    write_json(path, {"key": key, "digest": json_digest(rows), "rows": rows})
    return rows


def rows_digest(path: Path) -> str:
    """SHA-256 of the file at `path`; "none" where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "none"
