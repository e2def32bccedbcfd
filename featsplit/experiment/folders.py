"""Where a run goes, and what it leaves there of itself: `settings.toml` from the start, `run.json` when it is finished.

A run of other settings does not replace one without a word. By default it gets a folder of its own, which begins with
the networks, sets and rows of the other run: each is keyed by what went into it, so that only what the changed settings
decide is made anew. The files are linked, not copied, where the disk can: none is ever written to, only replaced.
"""

import hashlib
import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from featsplit.data.images import ImageData
from featsplit.data.places import absolute, path_of
from featsplit.errors import FeatsplitError
from featsplit.experiment.convert import as_toml, flat, record
from featsplit.experiment.plan import jobs_of
from featsplit.experiment.settings import Experiment, read_experiment
from featsplit.experiment.stages import ROWS, TIMES, digest
from featsplit.files import check_writable, replacing, write_json
from featsplit.models.checkpoints import versions

RUN, SETTINGS = "run.json", "settings.toml"
USUAL = Path("datasets_out")
SHOWN = 3
"""How many changed settings a line names."""


class Held(NamedTuple):
    """What a folder holds: a run of `experiment` (None where its settings cannot be read), begun or `finished`.

    Of a finished run `seeds`, `versions`, the digest of its `rows`, and their format.
    """

    experiment: Experiment | None
    finished: bool = False
    seeds: tuple[int, ...] = ()
    versions: dict[str, str] | None = None
    rows: str = ""
    format: int = ROWS


class Destination(NamedTuple):
    """The `folder` that a run goes to, the one whose work it takes up (`lender`), and the lines to be `said` of it."""

    folder: Path
    lender: Path | None
    said: list[str]


def destination(experiment: Experiment, seeds: list[int], out: Path | None) -> Destination:
    """Where the run of `experiment` goes: to `out`, or to the folder of its name; nothing is written yet.

    Where that folder holds a run of other settings, and is not `out`, to one beside it that is named by the settings.
    """
    folder = out or USUAL / experiment.name
    there = held(folder)
    if out is not None or there is None or there.experiment == settled(experiment):
        return Destination(folder, None, _replaced(folder, experiment, seeds))
    own = folder.with_name(f"{folder.name}-{digest(settled(experiment).plain())[:8]}")
    said = f"{folder} holds {_kind(there)} of other settings ({changes(there, experiment)}); this one goes to {own}"
    return Destination(own, folder, [said, *_replaced(own, experiment, seeds)])


def held(folder: Path) -> Held | None:
    """What `folder` holds; None where no run was begun there, or by a version that left no `settings.toml`."""
    finished = (folder / RUN).exists()
    if not finished and not (folder / SETTINGS).exists():
        return None
    try:
        if not finished:
            return Held(settled(read_experiment(str(folder / SETTINGS))))
        told = dict(json.loads((folder / RUN).read_text()))
        experiment = settled(record(Experiment, told["settings"], ""))
        of = (tuple(told["seeds"]), dict(told["versions"]), str(told["rows"]), int(told.get("format", 2)))
        return Held(experiment, True, *of)
    except (FeatsplitError, OSError, ValueError, KeyError, TypeError):
        return Held(None, finished)


def settled(experiment: Experiment) -> Experiment:
    """`experiment` as it is read from any working folder: the path of its data is absolute."""
    return replace(experiment, data=replace(experiment.data, source=absolute(experiment.data.source)))


def changes(there: Held, experiment: Experiment) -> str:
    """In which settings `experiment` differs from the run that is `there`, as "match.steps: 50 -> 10"."""
    if there.experiment is None:
        return "which cannot be read"
    old, new = flat(there.experiment.plain()), flat(settled(experiment).plain())
    found = [
        f"{key}: {_shown(old.get(key))} -> {_shown(new.get(key))}"
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key)
    ]
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return ", ".join([*found[:SHOWN], *more])


def _shown(value: Any) -> str:
    return "unset" if value is None else json.dumps(value, ensure_ascii=False)


def _kind(there: Held) -> str:
    return "a finished run" if there.finished else "a run that was begun"


def _replaced(folder: Path, experiment: Experiment, seeds: list[int]) -> list[str]:
    """What a run of `experiment` replaces in `folder`, a line each."""
    there = held(folder)
    if there is None:
        return []
    if there.experiment != settled(experiment):
        what = "rows.json, report.html and report.md" if there.finished else "what it made and this one makes otherwise"
        return [f"{folder}: {_kind(there)} of other settings ({changes(there, experiment)}) is replaced: {what}"]
    said = []
    if gone := [str(seed) for seed in there.seeds if seed not in seeds]:
        of = f"seed{'s' if len(gone) > 1 else ''} {', '.join(gone)}"
        said.append(f"{folder}: the rows of {of} leave rows.json and the page; their other files stay")
    if there.finished and there.versions != versions():
        was, now = (
            ", ".join(f"{name} {value}" for name, value in v.items()) for v in (there.versions or {}, versions())
        )
        said.append(f"{folder}: was made by {was}; it is made again by {now}, and replaced")
    elif there.format != ROWS:
        said.append(f"{folder}: its rows say less than those of this version; they are measured again, and replaced")
    return said


def finished(folder: Path, experiment: Experiment, seeds: list[int]) -> bool:
    """Whether `folder` holds the finished run of these settings and seeds, by these versions, with these rows.

    The user's own data and code may have changed since, so a run of them is never taken as finished by its settings.
    """
    there = held(folder)
    if path_of(experiment.data.source) is not None or ":" in experiment.model.arch or there is None:
        return False
    same = (there.experiment, there.seeds, there.versions) == (settled(experiment), tuple(seeds), versions())
    return same and (there.rows, there.format) == (_rows_digest(folder), ROWS)


def reopen(place: Destination, experiment: Experiment, seeds: list[int]) -> None:
    """Begin the run of `experiment` in its folder, which must be writable: with its settings, and the lender's work.

    The mark of a finished run is taken away first, before anything there changes.
    """
    folder, text = place.folder, HEAD + as_toml(settled(experiment).plain())
    check_writable(folder / RUN, overwrite=True)
    (folder / RUN).unlink(missing_ok=True)
    with replacing(folder / SETTINGS) as partial:
        partial.write_text(text, encoding="utf-8")
    if place.lender is not None:
        for seed in seeds:
            _take_up(place.lender / f"seed{seed}", folder / f"seed{seed}", set(jobs_of(experiment)))


HEAD = "# All the settings of a run of featsplit. Made again by: featsplit run settings.toml --seeds ... --out FOLDER\n"


def _take_up(lender: Path, folder: Path, jobs: set[str]) -> None:
    """Link the finished files of one seed that `jobs` could use and `folder` has not; and copy its times."""
    for path in sorted(lender.glob("*/*")):
        useful = path.parent.name == "rows" or path.stem.removesuffix("-test") in jobs
        if useful and not path.name.startswith(".") and path.is_file():
            _link(path, folder / path.relative_to(lender))
    if (lender / TIMES).is_file() and not (folder / TIMES).exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(lender / TIMES, folder / TIMES)  # it is written to


def _link(path: Path, link: Path) -> None:
    if link.exists():
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, link)
    except OSError:  # a disk without links
        with replacing(link) as partial:
            shutil.copyfile(path, partial)


def close(folder: Path, experiment: Experiment, data: ImageData, *, seeds: list[int], command: str, again: str) -> None:
    """Mark the run in `folder` as finished; with what a report of it says.

    That is the `command` that made it, the one that makes it `again` from its settings.toml, the data and the day.
    """
    of: dict[str, Any] = {"name": data.name, "digest": data.digest, "train": len(data.train), "test": len(data.test)}
    of |= {"shape": list(data.shape), "classes": list(data.classes)}
    of["chance"] = float(data.test.labels.bincount().max()) / len(data.test)
    told: dict[str, Any] = {"settings": experiment.plain(), "seeds": seeds, "versions": versions()}
    told |= {"rows": _rows_digest(folder), "format": ROWS}
    told |= {"command": command, "again": again, "data": of, "date": time.strftime("%Y-%m-%d")}
    write_json(folder / RUN, told)


def _rows_digest(folder: Path) -> str:
    try:
        return hashlib.sha256((folder / "rows.json").read_bytes()).hexdigest()
    except OSError:
        return "none"
