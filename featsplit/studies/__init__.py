"""The studies, one folder each; `engine.study` says what it exports. A new one is a line in `STUDIES`."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from featsplit.errors import FeatsplitError, unknown

if TYPE_CHECKING:
    from featsplit.engine.results import Results
    from featsplit.engine.study import Study, StudySettings
    from featsplit.metadata.plain import Fields
    from featsplit.records.engine import EngineOptions, EngineSpec
    from featsplit.report.blocks import Block

ENGINE = "engine"
"""The section of a TOML file that decides nothing of what comes out."""
STUDIES = (
    "ilyas2019",
    "distill2019",
    "gaussians",
    "squares",
    "planted",
    "set_transfer",
    "audit",
    "szegedy2014",
    "goodfellow2015",
    "kurakin2017",
    "carlini2017",
    "li2023",
)


def study_named(name: str, place: str = "study") -> "Study":
    """The study called `name`, imported; FeatsplitError at `place` where there is none."""
    if name not in STUDIES:
        raise unknown(place, name, STUDIES)
    return cast("Study", import_module(f"featsplit.studies.{name}"))


def read_settings(name: str, overrides: Sequence[str] = ()) -> "StudySettings":
    """The settings of the preset called `name`, or of the TOML file at that path, with `overrides` ("key=value")."""
    from featsplit.engine.settings import overridden
    from featsplit.engine.study import read_toml

    mapping = overridden(read_toml(name), overrides)
    mapping = {key: value for key, value in mapping.items() if key != ENGINE}
    mapping = {"study": STUDIES[0], **mapping}
    study = study_named(str(mapping["study"]))
    if wrong := [*_of_others(mapping), *study.Settings.old_names(mapping)]:
        raise FeatsplitError("; ".join(wrong))
    return study.Settings.read(mapping)


def engine_of(name: str, asked: "EngineOptions") -> "EngineSpec":
    """On what the preset or TOML file `name` is to be carried out: as `asked`, and else as its `[engine]` says."""
    from featsplit.engine.settings import record
    from featsplit.engine.study import read_toml
    from featsplit.metadata.plain import mapping as table
    from featsplit.records.engine import EngineOptions

    return asked.over(record(EngineOptions, table(read_toml(name).get(ENGINE, {})), ENGINE)).settled()


def _of_others(mapping: "Fields") -> Iterator[str]:
    """For each setting or experiment that another study has, and that of `mapping` has not, what is to be said."""
    chosen = mapping.get("experiments")
    places = [*mapping, *(f'experiments "{one}"' for one in (chosen if isinstance(chosen, list | tuple) else ()))]
    own = _places(str(mapping["study"]))
    for place in places:
        other = None if place in own else next((name for name in STUDIES if place in _places(name)), None)
        if other is not None:
            yield f'{place}: is of the study {other}; say study = "{other}"'


def _places(study: str) -> set[str]:
    """The settings and the experiments that `study` has, as an error names them."""
    kind = study_named(study).Settings
    experiments: tuple[str, ...] = getattr(kind, "known_experiments", ())
    return {*(field.name for field in fields(kind)), *(f'experiments "{one}"' for one in experiments)}


def open_results(path: Path) -> "Results[Any]":
    """The finished run in the folder `path`; FeatsplitError where there is none, or one of a version before."""
    from featsplit.engine.results import open_run, results_of

    mark = open_run(path)
    study = study_named(str(mark.settings["study"]))
    return results_of(path, study.Settings.read(mark.settings), mark)


def experiments_of(mapping: "Fields") -> tuple[str, ...]:
    """The experiments that the study of a preset or file has to choose from; FeatsplitError where it has none."""
    name = str(mapping.get("study", STUDIES[0]))
    known: tuple[str, ...] = getattr(study_named(name).Settings, "known_experiments", ())
    if not known:
        raise FeatsplitError(f"--experiments: the study {name} has none to choose from; see its settings (--set)")
    return known


class Shown(NamedTuple):
    """What a terminal shows of a run, and the exit status: 1 where an answer that is known did not come out."""

    text: str
    status: int


def page_of(results: "Results[Any]") -> "list[Block]":
    """The page of a finished run."""
    return study_named(results.settings.study).page(results)


def shown_in_brief(results: "Results[Any]", page: "Sequence[Block]") -> Shown:
    """What a terminal shows of a finished run and of its `page`."""
    from featsplit.engine.study import claims_of
    from featsplit.report.terminal import in_brief

    claims = claims_of(study_named(results.settings.study).CLAIMS, results)
    off = any(claim.known and claim.verdict == "does not hold" for claim in claims)
    return Shown(f"\n{in_brief(page)}\n", int(off))
