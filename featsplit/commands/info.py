"""featsplit info: what a derived data set, a checkpoint or any data set is, in a screenful."""

from dataclasses import replace
from typing import Annotated

import typer

from featsplit.commands import shared, single
from featsplit.data.places import is_derived
from featsplit.records.data import SOURCES_IN_WORDS, DataSpec

Subject = Annotated[
    str, typer.Argument(metavar="SRC", help=f"A .safetensors checkpoint, or a data set: {SOURCES_IN_WORDS}.")
]


def info(
    *,
    source: Subject,
    data: Annotated[DataSpec, shared.ALL_BUT_THE_SOURCE] = DataSpec(""),
    data_root: single.DataRoot = None,
    download: single.Download = False,
) -> None:
    """Print what a file of ours is, what it was made of and by, and how well; of any data set what is in it.

    That is images by class and split, their size and pixels, which are there twice, and the digest.
    """
    from pathlib import Path

    from featsplit.report import files

    if source.endswith(".safetensors") or is_derived(source):
        shared.check_of_source(source, data)
        typer.echo(files.model_text(Path(source)) if source.endswith(".safetensors") else files.set_text(Path(source)))
    else:
        opening = shared.Opening(data_root=data_root, download=download)
        typer.echo(_source_text(replace(data, source=source), opening))


def _source_text(spec: DataSpec, opening: shared.Opening) -> str:
    """What is in the data set `spec`; where its images are of several sizes, what can be said before they have one."""
    from featsplit.data.survey import survey
    from featsplit.report.sources import source_text, survey_text

    found = survey(spec, download=opening.download)
    if found is not None and len(found.sizes) > 1 and spec.resize is None:
        return survey_text(spec.source, found)
    whole = spec == DataSpec(spec.source, resize=spec.resize, resize_mode=spec.resize_mode)
    names = found.names if found is not None and whole else None
    return source_text(opening.load(spec), found, names=names)
