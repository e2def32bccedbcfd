"""A finished run as its folder tells of it: settings, seeds, rows, the data, and how to make it again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from featsplit.data.chance import chance_of
from featsplit.data.images import ImageData, digest_of
from featsplit.engine.cache import FORMAT, rows_digest
from featsplit.engine.jobs import TIMES
from featsplit.errors import FeatsplitError
from featsplit.files import check_digest, json_digest, write_json
from featsplit.metadata.plain import Fields, Json, as_json, mapping, names, number, sequence, text, texts, whole
from featsplit.outcomes import IDENTITY, packed_numbers, unpacked_numbers
from featsplit.report.cells import Cells

RUN, SETTINGS, ROWS = "run.json", "settings.toml", "rows.json"
S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)


@dataclass(frozen=True)
class DataSummary:
    """What a page says of the data: `chance` is the share of the most frequent class of the test images.

    `test_labels` are theirs, as `outcomes.packed_numbers` packs them, and `images` is the digest by which rows name
    them; both are empty in a run of a version before.
    """

    name: str
    digest: str
    train: int
    test: int
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    chance: float
    test_labels: str = ""
    images: str = ""


def summary_of(data: ImageData) -> DataSummary:
    """The summary of `data`."""
    chance = chance_of(data.test.labels).share
    return DataSummary(
        data.name,
        data.digest,
        len(data.train),
        len(data.test),
        data.shape,
        data.classes,
        chance,
        packed_numbers(data.test.labels),
        digest_of(data.test.images)[:IDENTITY],
    )


@dataclass(frozen=True)
class Results(Generic[S_co]):
    """A finished run in the folder `path`. `command` made it, `again` makes it again from its settings alone."""

    path: Path
    settings: S_co
    seeds: Sequence[int]
    rows: Sequence[Any]  # of the study
    data: DataSummary | None
    command: str
    again: str
    versions: Mapping[str, str]
    date: str

    @property
    def chance(self) -> float:
        """The accuracy of a network that knows nothing; 0 of a run that is not of one data set."""
        return 0.0 if self.data is None else self.data.chance

    def test_labels(self) -> NDArray[np.int64] | None:
        """The labels (N,) of the test images that are those of the data's `images`; None where they are not kept."""
        if self.data is None or not self.data.test_labels:
            return None
        return unpacked_numbers(self.data.test_labels).astype(np.int64)

    def seed_folder(self, seed: int) -> Path:
        """Where the files of `seed` lie."""
        return self.path / f"seed{seed}"

    def times(self) -> Cells:
        """Seconds of each stage, the longest time it ran; the stages of a seed may have run side by side."""
        found: dict[str, dict[int, float]] = {}
        for seed in self.seeds:
            path = self.seed_folder(seed) / TIMES
            for line in path.read_text().splitlines() if path.is_file() else []:
                stage = json.loads(line)
                seconds = found.setdefault(stage["stage"], {})
                seconds[seed] = max(seconds.get(seed, 0.0), stage["seconds"])
        head = ["stage, seconds", *(f"seed {seed}" for seed in self.seeds)]
        return [
            head,
            *([stage, *(f"{by.get(seed, 0):.1f}" for seed in self.seeds)] for stage, by in found.items()),
        ]


def rows_as_json(folder: Path) -> str:
    """The rows of the finished run in `folder`, in a line, as one JSON object."""
    return json.dumps({"rows": json.loads((folder / ROWS).read_text())})


class Mark(NamedTuple):
    """What the mark of a finished run says of it; `settings` as JSON values, which `StudySettings.read` takes."""

    settings: Fields
    seeds: Sequence[int]
    data: DataSummary | None
    command: str
    again: str
    versions: Mapping[str, str]
    date: str


def close(path: Path, mark: Mark) -> None:
    """Mark the run in `path` as finished, when all else of it is there."""
    data = None if mark.data is None else asdict(mark.data)
    content = {**mark._asdict(), "data": data, "format": FORMAT, "rows": rows_digest(path / ROWS)}
    write_json(path / RUN, {**content, "digest": json_digest(as_json(content))})


def open_run(path: Path) -> Mark:
    """What the mark of the finished run in `path` says; FeatsplitError where there is none, or of another version."""
    try:
        content = mapping(json.loads((path / RUN).read_text()))
        if written := content.get("digest"):
            rest = json_digest({name: value for name, value in content.items() if name != "digest"})
            check_digest(f"{path}: its run.json", rest, str(written), cure="run it again")
        settings, command = mapping(content["settings"]), text(content["command"])
        seeds = [whole(seed) for seed in sequence(content["seeds"])]
        made_by, date = names(content["versions"]), text(content["date"])
        if content.get("format") == FORMAT and "study" in settings:
            if (path / ROWS).exists():
                found, cure = rows_digest(path / ROWS), f"run it again: {command}"
                check_digest(f"{path}: its rows.json", found, text(content["rows"]), cure=cure)
            return Mark(settings, seeds, _summary(content["data"]), command, text(content["again"]), made_by, date)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FeatsplitError(f"{path}: is no finished run; make one with featsplit run ... --out {path}") from error
    again = command.replace(" --parts ", " --experiments ")
    raise FeatsplitError(
        f"{path}: its rows are of another version; make them again, by which its networks and sets are taken up: "
        f"{again} --out {path}"
    )


def _summary(plain: Json) -> DataSummary | None:
    """The summary of the data as a mark has it."""
    if plain is None:
        return None
    fields = mapping(plain)
    return DataSummary(
        text(fields["name"]),
        text(fields["digest"]),
        whole(fields["train"]),
        whole(fields["test"]),
        tuple(map(whole, sequence(fields["shape"]))),
        texts(fields["classes"]),
        number(fields["chance"]),
        text(fields.get("test_labels", "")),
        text(fields.get("images", "")),
    )


def results_of(path: Path, settings: S, mark: Mark) -> Results[S]:
    """The run in `path`, of `settings`, with what its `mark` says; FeatsplitError where its rows cannot be read."""
    try:
        rows = json.loads((path / ROWS).read_text())
    except (OSError, ValueError) as error:
        raise FeatsplitError(f"{path}: its rows.json cannot be read; run {mark.command} --out {path}") from error
    return Results(path, settings, mark.seeds, rows, mark.data, mark.command, mark.again, mark.versions, mark.date)
