"""Whether two runs hold the same numbers: `python -m benchmarks.same BEFORE AFTER`, two folders of the same command.

Made to be asked about two versions of the code, so it reads files alone and imports nothing of featsplit: each column
of `sets/*.h5`, the tensors of `models/*.safetensors`, and `rows.json`. What was renamed between the versions stands in
the tables below, and nowhere else. Exit status 1 where a number differs or is missing.
"""

import argparse
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import h5py
from safetensors import safe_open

Row = dict[str, Any]

ROW_FIELDS: dict[str, tuple[str, ...]] = {
    "experiment": ("part",),
    "which": ("split", "labels", "moment"),
    "class": ("target_class",),
    "images": ("attacked",),
    "of": ("quantity",),
}
"""The name here, and the other names that a field of a row has had, or has now.

`which` is what stood behind the colon of `test_set`: source:next, det:train, rand:found, transferred:next. It may be
of several fields, of which a row has one.
"""
COLUMNS: dict[str, tuple[str, ...]] = {"calls": ("runs",)}
"""The same of the columns and of the summary of a set."""
USUAL: dict[str, tuple[str, ...]] = {"which": ()}
"""Values of a field, by its name here, that say what an older row says by having none."""
FILES: dict[str, str] = {}
"""Of models and sets: the name of a file before, without its ending, and its name now."""
MEASURED = (
    *("accuracy", "confidence", "outcomes", "n", "images", "step_size", "train_accuracy", "top_k_accuracy"),
    *("class", "rho", "gamma", "error", "chance", "kind", "ratio", "kept"),
    *("closed", "simulated", "scale", "converged"),
)
"""The fields of a row that were found out; the others say of what."""
DIGITS = 16
"""How many digits of a digest are kept."""


@dataclass(frozen=True)
class Numbers:
    """All numbers of a run: by file the digest of each column of a set, of the model, and the rows in canonical form.

    `names` are the names of fields and columns that are not canonical, as they were met.
    """

    sets: dict[str, dict[str, str]] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


class Comparison(NamedTuple):
    """Lines on what `differs`, on what was only `renamed` or is new, and how many numbers are the `same`, by kind."""

    differs: list[str]
    renamed: list[str]
    same: dict[str, int]


def read(folder: Path) -> Numbers:
    """The numbers in `folder`, of a run or of a toy: its rows.json, and what lies in the seeds below it."""
    rows = json.loads((folder / "rows.json").read_text())
    sets = {_place(path, folder): columns_of(path) for path in sorted(folder.rglob("seed*/sets/*.h5"))}
    models = {_place(path, folder): model_digest(path) for path in sorted(folder.rglob("seed*/models/*.safetensors"))}
    names = {name for row in rows for name in row if _known(name, ROW_FIELDS) != name}
    names |= {name for columns in sets.values() for name in columns if _known(name, COLUMNS) != name}
    sets = {place: {_known(name, COLUMNS): value for name, value in found.items()} for place, found in sets.items()}
    return Numbers(sets, models, [canonical(row) for row in rows], names)


def canonical(row: Row) -> Row:
    """`row` as rows of every version can be compared: by the names of `ROW_FIELDS`, and without what says nothing.

    `test_set` "source:next" is `test_set` "source" and `which` "next".
    """
    found: Row = {}
    for name, value in row.items():
        known = _known(name, ROW_FIELDS)
        if value is not None and value not in USUAL.get(known, ()):
            found[known] = value
    if "theorem" in found:
        theorem = found.pop("theorem")
        found["experiment"] = theorem if theorem == "rule" else f"theorem {theorem}"
    if ":" in str(found.get("test_set", "")):
        found["test_set"], _, found["which"] = found["test_set"].partition(":")
    if found.get("experiment") == "epochs" and found.get("test_set") in ("standard", "adversarial"):
        found["test_set"] = "source"  # it was named by its network
    return found


def _known(name: str, names: dict[str, tuple[str, ...]]) -> str:
    """The name that stands for `name` here; of "summary NAME", for NAME."""
    first, space, last = name.rpartition(" ")
    return first + space + next((known for known, others in names.items() if last in others), last)


def _place(path: Path, folder: Path) -> str:
    """Where in `folder` the file lies, by its name now."""
    return path.with_stem(FILES.get(path.stem, path.stem)).relative_to(folder).as_posix()


def columns_of(path: Path) -> dict[str, str]:
    """The digest of each column of the derived set at `path`, and each number of its summary as "summary NAME"."""
    with h5py.File(path, "r") as file:
        found = {
            name: _digest([str(file[name].dtype), str(file[name].shape), file[name][()].tobytes()]) for name in file
        }
        summary = json.loads(file.attrs["summary"])
    return found | {f"summary {name}": json.dumps(value) for name, value in summary.items()}


def model_digest(path: Path) -> str:
    """The digest of the tensors of the checkpoint at `path`: names, types, shapes and bytes, in the order of names."""
    parts: list[str | bytes] = []
    with safe_open(path, framework="numpy") as file:
        for name in sorted(file.keys()):
            tensor = file.get_tensor(name)
            parts += [name, str(tensor.dtype), str(tensor.shape), tensor.tobytes()]
    return _digest(parts)


def _digest(parts: Iterable[str | bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
    return digest.hexdigest()[:DIGITS]


def compare(before: Numbers, after: Numbers) -> Comparison:
    """What of `before` is the same in `after`. What `after` has beyond it is told, and is no difference."""
    found = Comparison([], [], {})
    _compare_files("sets", before.sets, after.sets, found)
    _compare_files("models", _tensors(before), _tensors(after), found)
    _compare_rows(before.rows, after.rows, found)
    for name in sorted(before.names ^ after.names):
        known = _known(name, ROW_FIELDS | COLUMNS)
        found.renamed.append(f"{name} -> {known}" if name in before.names else f"{known} -> {name}")
    return found


def _tensors(numbers: Numbers) -> dict[str, dict[str, str]]:
    return {name: {"tensors": value} for name, value in numbers.models.items()}


def _compare_files(
    kind: Literal["sets", "models"],
    before: dict[str, dict[str, str]],
    after: dict[str, dict[str, str]],
    found: Comparison,
) -> None:
    """Each file by its name; where that is not there any more, by what it holds."""
    moved = {json.dumps(columns, sort_keys=True): place for place, columns in after.items() if place not in before}
    found.same[kind] = 0
    for place, columns in before.items():
        now = place if place in after else moved.pop(json.dumps(columns, sort_keys=True), None)
        if now is None:
            found.differs.append(f"{place}: is not there")
            continue
        if now != place:
            found.renamed.append(f"{place} -> {now}")
        differs = [_changed(place, name, value, after[now].get(name)) for name, value in columns.items()]
        found.differs.extend(line for line in differs if line)
        found.same[kind] += not any(differs)
        found.renamed.extend(f"{now}: {name} is new" for name in after[now] if name not in columns)
    found.renamed.extend(f"{place} is new" for place in moved.values())


def _changed(place: str, name: str, was: Any, now: Any) -> str:
    """The line on a number that is not what it was; empty where it is."""
    return "" if was == now else f"{place}: {name} was {was}, is {'not there' if now is None else now}"


def subject(row: Row) -> str:
    """Of what the numbers of a canonical row are."""
    return " ".join(f"{name}={row[name]}" for name in sorted(row) if name not in MEASURED)


def by_subject(rows: Iterable[Row], known: set[str]) -> dict[str, list[Row]]:
    """The rows by what they are of, as far as the fields `known` say it; rows of one subject in a fixed order."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[subject({name: value for name, value in row.items() if name in known})].append(row)
    return {about: sorted(group, key=lambda row: json.dumps(row, sort_keys=True)) for about, group in groups.items()}


def _compare_rows(before: list[Row], after: list[Row], found: Comparison) -> None:
    known = {name for row in before for name in row}
    found.renamed.extend(f"rows: {name} is new" for name in sorted({n for row in after for n in row} - known))
    earlier, later = by_subject(before, known), by_subject(after, known)
    found.same["rows"] = 0
    for about, rows in earlier.items():
        group = later.get(about, [])
        if len(group) != len(rows):
            found.differs.append(f"rows: {about}: were {len(rows)}, are {len(group)}")
            continue
        for row, other in zip(rows, group, strict=True):
            lines = [_changed(f"rows: {about}", name, value, other.get(name)) for name, value in row.items()]
            lines += [
                _changed(f"rows: {about}", name, None, other[name]) for name in (other.keys() & known) - row.keys()
            ]
            found.differs.extend(line for line in lines if line)
            found.same["rows"] += not any(lines)
    extra = [about for about in later if about not in earlier]
    found.renamed.extend(f"rows: {about} is new" for about in extra)


def main() -> None:
    """Compare the two folders of the command line, and print what is the same, what was renamed and what differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.same", description=__doc__)
    parser.add_argument("before", type=Path, metavar="BEFORE")
    parser.add_argument("after", type=Path, metavar="AFTER")
    folders = parser.parse_args()
    before, after = read(folders.before), read(folders.after)
    found = compare(before, after)
    totals = {"sets": len(before.sets), "models": len(before.models), "rows": len(before.rows)}
    for kind, total in totals.items():
        print(f"{kind}: {found.same[kind]} of {total} are the same")
    for line in found.renamed:
        print(f"renamed or new: {line}")
    for line in found.differs:
        print(f"DIFFERS  {line}")
    sys.exit(bool(found.differs))


if __name__ == "__main__":
    main()
