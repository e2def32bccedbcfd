"""Where a run goes, and what it leaves there of itself: `settings.toml` from the start, `run.json` when it is finished.

A run of other settings does not replace one without a word. By default it gets a folder of its own, which begins with
the networks, sets and rows of the other run: each is keyed by what went into it, so that only what the changed settings
decide is made anew. The files are linked, not copied, where the disk can: none is ever written to, only replaced.
"""

import json
import os
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from featsplit.engine.cache import FORMAT, rows_digest
from featsplit.engine.events import EVENTS, PLAN, write_plan
from featsplit.engine.jobs import TIMES, Job
from featsplit.engine.results import ROWS, RUN, SETTINGS
from featsplit.engine.settings import as_toml, flat
from featsplit.engine.study import StudySettings
from featsplit.errors import FeatsplitError
from featsplit.files import check_writable, json_digest, replacing
from featsplit.metadata.plain import Fields, Json, mapping, names, sequence, text, whole
from featsplit.models.checkpoints import decisive, versions
from featsplit.records.machine import Precision

USUAL = Path("datasets_out")
SHOWN = 3
"""How many changed settings a line names."""
Plain = Fields
"""Settings as JSON values, flat: "train.rand.lr"; what is not set is absent."""


class Held(NamedTuple):
    """What a folder holds: a run of `settings` (None where they cannot be read), begun or `finished`.

    Of a finished run `seeds`, `versions`, the digest of its `rows`, and their format.
    """

    settings: Plain | None
    finished: bool = False
    seeds: tuple[int, ...] = ()
    versions: Mapping[str, str] | None = None
    rows: str = ""
    format: int = FORMAT


class Destination(NamedTuple):
    """The `folder` that a run goes to, and what it holds when that is decided (`there`).

    `lender` is the one whose work it takes up, `lines` are to be said of it.
    """

    folder: Path
    there: Held | None
    lender: Path | None
    lines: list[str]


def destination(settings: StudySettings, seeds: Sequence[int], out: Path | None) -> Destination:
    """Where the run of `settings` goes: to `out`, or to the folder of its name; nothing is written yet.

    Where that folder holds a run of other settings, and is not `out`, to one beside it that is named by the settings.
    """
    folder = out or USUAL / settings.name
    there, plain = held(folder, settings), plain_of(settings)
    if out is not None or there is None or there.settings == plain:
        return Destination(folder, there, None, _replaced(folder, settings, seeds))
    beside = folder.with_name(f"{folder.name}-{json_digest(plain)[:8]}")
    line = f"{folder} holds {_kind(there)} of other settings ({changes(there, plain)}); this one goes to {beside}"
    return Destination(beside, held(beside, settings), folder, [line, *_replaced(beside, settings, seeds)])


def plain_of(settings: StudySettings) -> Plain:
    """The settings as they are compared: paths absolute, flat, as they are read back."""
    return _read_back(settings.settled().plain())


def _read_back(settings: Fields) -> Plain:
    """Settings of a file or a record alike: flat, without what is not set, lists as JSON has them."""
    return {key: json.loads(json.dumps(value)) for key, value in flat(settings).items() if value is not None}


def _as_now(said: Fields, settings: StudySettings) -> Plain:
    """What was `said` as `settings` say it: a setting that came since has its default, and paths are absolute."""
    if said.get("study") != settings.study:
        return _read_back(said)
    try:
        return plain_of(type(settings).read(said))
    except FeatsplitError:
        return _read_back(said)


def held(folder: Path, settings: StudySettings) -> Held | None:
    """What `folder` holds, to be compared with `settings`; None where no run was begun that left its settings."""
    finished = (folder / RUN).exists()
    if not finished and not (folder / SETTINGS).exists():
        return None
    try:
        if not finished:
            return Held(_as_now(tomllib.loads((folder / SETTINGS).read_text(encoding="utf-8")), settings))
        mark = mapping(json.loads((folder / RUN).read_text()))
        plain, seeds = _as_now(mapping(mark["settings"]), settings), tuple(map(whole, sequence(mark["seeds"])))
        return Held(plain, True, seeds, names(mark["versions"]), text(mark["rows"]), whole(mark.get("format", 2)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Held(None, finished)


def changes(there: Held, plain: Plain) -> str:
    """In which settings a run of `plain` differs from the run that is `there`, as "match.steps: 50 -> 10"."""
    old = there.settings
    if old is None:
        return "which cannot be read"
    if "study" not in old:
        return "by a version before, with other names"
    changed = [
        f"{key}: {_shown(old.get(key))} -> {_shown(plain.get(key))}"
        for key in dict.fromkeys([*old, *plain])
        if old.get(key) != plain.get(key)
    ]
    more = [f"and {len(changed) - SHOWN} more"] if len(changed) > SHOWN else []
    return ", ".join([*changed[:SHOWN], *more])


def _shown(value: Json) -> str:
    return "unset" if value is None else json.dumps(value, ensure_ascii=False)


def _kind(there: Held) -> str:
    return "a finished run" if there.finished else "a run that was begun"


def _replaced(folder: Path, settings: StudySettings, seeds: Sequence[int]) -> list[str]:
    """What a run of `settings` replaces in `folder`, a line each."""
    there, plain = held(folder, settings), plain_of(settings)
    if there is None:
        return []
    if there.settings != plain:
        what = "rows.json, report.html and report.md" if there.finished else "what it made and this one makes otherwise"
        return [f"{folder}: {_kind(there)} of other settings ({changes(there, plain)}) is replaced: {what}"]
    lines = []
    if gone := [str(seed) for seed in there.seeds if seed not in seeds]:
        names = f"seed{'s' if len(gone) > 1 else ''} {', '.join(gone)}"
        lines.append(f"{folder}: the rows of {names} leave rows.json and the page; their other files stay")
    if there.finished and decisive(there.versions or {}) != decisive():
        was, now = (
            ", ".join(f"{name} {value}" for name, value in v.items()) for v in (there.versions or {}, versions())
        )
        lines.append(f"{folder}: was made by {was}; it is made again by {now}, and replaced")
    elif there.format != FORMAT:
        lines.append(f"{folder}: its rows say less than those of this version; they are measured again, and replaced")
    return lines


def is_finished(folder: Path, settings: StudySettings, seeds: Sequence[int]) -> bool:
    """Whether `folder` holds the finished run of these settings and seeds, by versions that give the same
    numbers, with these rows.

    The user's own data and code may have changed since, so a run of them is never taken as finished by its settings.
    """
    there = held(folder, settings)
    if there is None or settings.is_of_files():
        return False
    same = (there.settings, there.seeds) == (plain_of(settings), tuple(seeds))
    same = same and decisive(there.versions or {}) == decisive()
    return same and (there.rows, there.format) == (rows_digest(folder / ROWS), FORMAT)


def reopen(place: Destination, settings: StudySettings, jobs: Sequence[Job]) -> None:
    """Begin the run of `settings` in its folder, which must be writable: with its settings, and the lender's work.

    The mark of a finished run is taken away first, before anything there changes. Raises FeatsplitError where another
    run has been there since the place was chosen.
    """
    folder, content = place.folder, HEAD + as_toml(settings.settled().plain())
    if held(folder, settings) != place.there:
        raise FeatsplitError(f"{folder}: another run has been there since this one was started; start it again")
    check_writable(folder / RUN, overwrite=True)
    (folder / RUN).unlink(missing_ok=True)
    with replacing(folder / SETTINGS) as partial:
        partial.write_text(content, encoding="utf-8")
    if place.lender is not None:
        _take_up(place.lender, folder, jobs)


def join(place: Destination, settings: StudySettings, jobs: Sequence[Job], precision: Precision) -> None:
    """Begin the run of `settings` in its folder, or go on with what others have begun there, maybe just now.

    Its jobs are done in the `precision` that whoever began it decided. Raises FeatsplitError where the folder holds a
    run of other settings.
    """
    folder, plain = place.folder, plain_of(settings)
    if place.there is not None and place.there.settings != plain:
        raise FeatsplitError(
            f"{folder}: holds a run of other settings ({changes(place.there, plain)}); give another --out"
        )
    if place.there is None:
        with replacing(folder / SETTINGS) as partial:
            partial.write_text(HEAD + as_toml(settings.settled().plain()), encoding="utf-8")
        if place.lender is not None:
            _take_up(place.lender, folder, jobs)
    if not (folder / EVENTS / PLAN).exists():
        write_plan(folder, jobs, precision)


HEAD = "# All the settings of a run of featsplit. Made again by: featsplit run settings.toml --seeds ... --out FOLDER\n"


def _take_up(lender: Path, folder: Path, jobs: Sequence[Job]) -> None:
    """Link the finished files that `jobs` leave and `folder` has not, and the rows of their folders; copy its times."""
    files = [lender / file for job in jobs for file in job.files]
    homes = {path.parent.parent for path in files}
    for path in (*files, *_rows_in(homes)):
        if path.is_file():
            _link(path, folder / path.relative_to(lender))
    for home in homes:
        times = folder / home.relative_to(lender) / TIMES
        if (home / TIMES).is_file() and not times.exists():
            times.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(home / TIMES, times)  # it is written to


def _rows_in(homes: Iterable[Path]) -> Iterator[Path]:
    for home in homes:
        yield from sorted((home / "rows").glob("[!.]*.json"))


def _link(path: Path, link: Path) -> None:
    if link.exists():
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, link)
    except OSError:  # a disk without links
        with replacing(link) as partial:
            shutil.copyfile(path, partial)
