"""What a study is: settings, the jobs that they ask for, the page of what came out, and what is known or published.

A study is a folder of `featsplit.studies` with the names of `Study`. The engine runs, resumes, spreads and repeats all
of them alike; none of them needs to be known to it.
"""

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol, Self

from featsplit.data.places import absolute, path_of
from featsplit.data.sources import DataSpec, describe
from featsplit.engine.jobs import Job
from featsplit.engine.results import Results
from featsplit.engine.settings import record
from featsplit.errors import FeatsplitError, unknown
from featsplit.metadata.plain import Fields
from featsplit.report.blocks import Block
from featsplit.report.decisions import Claim
from featsplit.report.published import Published
from featsplit.runtime import Precision


@dataclass(frozen=True, kw_only=True)
class StudySettings:
    """Everything that decides the numbers of a run, but for the seeds: the part that all studies have.

    `study` is the folder of `featsplit.studies`; `name` that of the preset or file, which the run is called by.
    """

    study: str
    name: str
    precision: Precision = "auto"

    def check(self) -> None:
        """Raise FeatsplitError for the first setting out of its range."""

    @classmethod
    def read(cls, mapping: Fields) -> Self:
        """The settings that `mapping`, as TOML has it, describes; FeatsplitError where it does not fit."""
        settings = record(cls, mapping, "")
        settings.check()
        return settings

    def plain(self) -> Fields:
        """The settings as JSON values; `read` reads them back."""
        return asdict(self)

    def settled(self) -> Self:
        """The same, as they are read from any working folder: paths are absolute."""
        return self

    def source(self) -> DataSpec | None:
        """The data that the run is of; None where its jobs make their own."""
        return None

    def shared(self) -> list[DataSpec]:
        """The data that most of its jobs open: on a cluster they are loaded once for all."""
        source = self.source()
        return [] if source is None else [source]

    def is_small(self) -> bool:
        """Whether a process of one thread is the fastest way to run its networks on a CPU."""
        return True

    def is_of_files(self) -> bool:
        """Whether it hangs on data or code of the user's, which may change while the settings stay."""
        return False

    @classmethod
    def old_names(cls, mapping: Fields) -> list[str]:
        """What `mapping` has of versions before, each with what is said now."""
        return []

    def notes(self) -> list[str]:
        """Sentences on settings that make a run say less than it seems to."""
        return []


@dataclass(frozen=True, kw_only=True)
class DataStudySettings(StudySettings):
    """The same of a study of one data set, `data`: which may be the user's own, and is read from any working folder."""

    data: DataSpec

    def plain(self) -> Fields:
        """The settings as JSON values; the data as they are opened again."""
        return {**super().plain(), "data": describe(self.data)}

    def settled(self) -> Self:
        """The same, as they are read from any working folder: the path of the data is absolute."""
        return replace(self, data=replace(self.data, source=absolute(self.data.source)))

    def source(self) -> DataSpec | None:
        """The data, those of seed 0 where seeds differ in them."""
        return self.data

    def is_of_files(self) -> bool:
        """Whether the data are the user's own."""
        return path_of(self.data.source) is not None

    def data_of(self, seed: int) -> DataSpec:
        """The data of `seed`, where it decides which images the limits and the holdout take."""
        return of_seed(self.data, seed)


def of_seed(spec: DataSpec, seed: int) -> DataSpec:
    """`spec` with the images that `seed` draws, where any are drawn."""
    drawn = spec.limit or spec.limit_test or spec.holdout
    return replace(spec, seed=spec.seed + seed) if drawn else spec


def check_experiments(chosen: Sequence[str], known: Sequence[str]) -> None:
    """Raise FeatsplitError where an experiment is none of the `known` ones, is there twice, or there is none at all."""
    for name in chosen:
        if name not in known:
            raise unknown("experiments", name, known)
    if not chosen or len(set(chosen)) < len(chosen):
        raise FeatsplitError(f"experiments = {list(chosen)}: give one or more of {', '.join(known)}, each once")


Ask = Callable[[Results[Any]], list[Claim]]
"""What gives some statements of a source, or none, with their verdicts by what came out."""


class Study(Protocol):
    """What the folder of a study exports. `CLAIMS` are the statements of its source."""

    Settings: type[StudySettings]
    CLAIMS: Sequence[Ask]
    PUBLISHED: Sequence[Published]

    @property
    def jobs(self) -> Callable[[Any, int], list[Job]]:
        """The jobs of one seed, each after those that it needs; the long ones first."""

    @property
    def page(self) -> Callable[[Results[Any]], list[Block]]:
        """What came out, as a page."""


def claims_of(claims: Sequence[Ask], results: Results[Any]) -> list[Claim]:
    """The statements, of a study's `CLAIMS`, that `results` can say something of; what was not measured is left out."""
    return [claim for ask in claims for claim in ask(results) if claim.checks]


def presets() -> dict[str, Path]:
    """The built-in presets by name."""
    folder = Path(str(files("featsplit") / "presets"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def read_toml(name: str) -> Fields:
    """What the preset called `name` says, or the TOML file at that path."""
    path = _file_of(name)
    try:
        return {"name": path.stem, **tomllib.loads(text_of(name))}
    except tomllib.TOMLDecodeError as error:
        raise FeatsplitError(f"{path}: is no TOML: {error}") from error


def text_of(name: str) -> str:
    """The text of the preset called `name`, or of the TOML file at that path."""
    path = _file_of(name)
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise FeatsplitError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FeatsplitError(f"{path}: is no TOML: {error}") from error


def _file_of(name: str) -> Path:
    path = Path(name) if name.endswith(".toml") else presets().get(name)
    if path is None:
        raise unknown("run", name, [*presets(), "FILE.toml"])
    return path
