"""What a run says before it begins: what will be done, of which data, where it goes, and for how long."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from featsplit.data.images import ImageData
from featsplit.engine.events import standings
from featsplit.engine.study import StudySettings, read_toml, text_of
from featsplit.errors import FeatsplitError

TIME = re.compile(r"^# Time: (?P<words>(?:(?P<seconds>\d+) s a seed)?[^;\n]*)", re.MULTILINE)
"""The line of a preset's header: "32 s a seed on 2 cores; see ..."."""


class Usual(NamedTuple):
    """How long one seed of a preset took, if that was measured, and the words that say so; `file` has them."""

    seconds: float | None
    words: str
    file: str


def usual_time(preset: str) -> Usual | None:
    """What the header of `preset`, a name or a TOML file, says of its time; None where it says nothing."""
    found = TIME.search(text_of(preset))
    if found is None:
        return None
    seconds = found["seconds"]
    return Usual(float(seconds) if seconds else None, found["words"].strip(" ."), str(read_toml(preset)["name"]))


def announced(
    settings: StudySettings, seeds: Sequence[int], *, data: ImageData | None, jobs: int, where: str, folder: Path
) -> list[str]:
    """What will be done, a line each: the study, its `data`, how many `jobs`, on what (`where`), and the `folder`."""
    plural = "s" if len(seeds) > 1 else ""
    return [
        f"study   {settings.study} ({settings.name}), seed{plural} {', '.join(map(str, seeds))}",
        f"data    {'made by the jobs themselves' if data is None else _described(data)}",
        f"jobs    {jobs} {where}",
        f"to      {folder}",
    ]


def expected_time(usual: Usual | None, seeds: int, *, changed: bool) -> str:
    """The line that says how long it will take, by what the preset `usual`ly takes; `changed` where settings are."""
    if usual is None:
        return "time    not known beforehand; featsplit status RUN says how far it is, and the time left"
    if usual.seconds is None:
        return f"time    {usual.words}"
    whose = f"{usual.file}, whose settings are changed here" if changed else usual.file
    return f"time    about {roughly(usual.seconds * seeds)}: {usual.words} ({whose})"


def roughly(seconds: float) -> str:
    """A time as a person says it: "32 s", "7 minutes", "1.5 hours"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def kept_jobs(folder: Path) -> list[str]:
    """The line that says how many jobs of the run in `folder` had been done before; none where there are none."""
    try:
        found = standings(folder)
    except FeatsplitError:
        return []
    kept = sum(one.kept for one in found)
    return [f"kept: {kept} of {len(found)} jobs"] if kept else []


def _described(data: ImageData) -> str:
    counts = f"{len(data.train)} training and {len(data.test)} test images"
    return f"{data.name}: {counts}, {' x '.join(map(str, data.shape))}, {len(data.classes)} classes"
