"""docs/settings.md and docs/settings.schema.json, made from the records: `python -m benchmarks.settings`."""

import json
from pathlib import Path
from typing import Any

from featsplit.engine.schema import Schema, Schemas, name_of, settings_of, summary_of, with_shared
from featsplit.records.engine import EngineOptions
from featsplit.records.training import Recipe
from featsplit.studies import ENGINE, STUDIES, study_named

DOCS = Path(__file__).parents[1] / "docs"
PAGE, SCHEMA = DOCS / "settings.md", DOCS / "settings.schema.json"
HEAD = """# Settings

Every setting of every study, made from the records that hold them (`python -m benchmarks.settings`). A run reads
them from a preset (`featsplit run NAME --print` shows it) or a file of yours, and each can be put on the command
line: `--set perturb.eps=0.5`. `study = "..."` says which study a file is of, none: ilyas2019. An editor that knows
JSON schemas for TOML completes and checks a file that begins with the path of
[settings.schema.json](settings.schema.json):

    #:schema docs/settings.schema.json

In a run of Ilyas et al., and of the studies that build on it, `[train]` holds what all networks share,
`[train.standard]`, `[train.rand]` and so on what is their own."""


def page() -> str:
    """The tables of all studies, of the engine, and of the records in them."""
    kinds: list[Any] = [study_named(name).Settings for name in STUDIES]
    parts = [HEAD]
    for name, kind in zip(STUDIES, kinds, strict=True):
        parts += [f"## {name}", summary_of(kind), _table(kind)]
    parts += ["## [engine]", "On what jobs are carried out; it decides nothing of what comes out."]
    parts += [_table(EngineOptions), "## Tables in these"]
    for record in sorted(_inside([*kinds, EngineOptions]), key=name_of):
        parts += [f"## {name_of(record)}", summary_of(record), _table(record)]
    return "\n\n".join(parts) + "\n"


def schema() -> Schema:
    """A schema that is fulfilled by a file of any of the studies."""
    schemas, studies = Schemas(), list[Schema]()
    for name in STUDIES:
        kind: Any = study_named(name).Settings
        own = schemas.record(kind)
        own["properties"] |= {"study": {"const": name}, ENGINE: schemas.of(EngineOptions)}
        optional = ("name", "study", *getattr(kind, "sections", ()))
        own["required"] = [one for one in own["required"] if one not in optional]
        own["required"] += [] if name == STUDIES[0] else ["study"]
        studies.append(own)
    for name, each in schemas.defs.items():
        if name == "ilyas2019.Training":
            schemas.defs[name] = with_shared(each, list(each["properties"]), schemas.defs[name_of(Recipe)])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The settings of a run of featsplit",
        "anyOf": studies,
        "$defs": schemas.defs,
    }


def write() -> None:
    """Write both files."""
    PAGE.write_text(page())
    SCHEMA.write_text(json.dumps(schema(), indent=1) + "\n")


def _inside(kinds: list[Any]) -> set[Any]:
    """The records that `kinds` hold, and those in these."""
    found: set[Any] = set()
    waiting = [record for kind in kinds for one in settings_of(kind) for record in one.records]
    while waiting:
        record = waiting.pop()
        if record not in found:
            found.add(record)
            waiting += [inner for one in settings_of(record) for inner in one.records]
    return found


def _table(kind: Any) -> str:
    lines = ["| setting | kind | default | what it says |", "| --- | --- | --- | --- |"]
    for one in settings_of(kind):
        kinds = one.kind
        for record in one.records:
            name = name_of(record)
            kinds = kinds.replace(name, f"[{name}](#{name.lower().replace('.', '')})")
        lines.append("| " + " | ".join([f"`{one.name}`", kinds, one.default, one.help.replace("|", "\\|")]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    write()
