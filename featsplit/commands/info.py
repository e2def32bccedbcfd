"""featsplit info: what a derived data set, a checkpoint or any data set is, in a screenful."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from featsplit.commands import shared, single
from featsplit.commands.fields import Only
from featsplit.data.places import is_derived
from featsplit.errors import FeatsplitError
from featsplit.records.data import SOURCES_IN_WORDS, DataSpec

if TYPE_CHECKING:
    from pathlib import Path

Subject = Annotated[
    str, typer.Argument(metavar="SRC", help=f"A .safetensors checkpoint, or a data set: {SOURCES_IN_WORDS}.")
]


def info(
    *,
    source: Subject,
    data: Annotated[DataSpec, shared.ALL_BUT_THE_SOURCE] = DataSpec(""),
    data_root: single.DataRoot = None,
    download: single.Download = False,
    layers: Annotated[
        bool,
        typer.Option("--layers", help="Of a checkpoint: its layers, as --layer names them.", rich_help_panel="Model"),
    ] = False,
    use: Annotated[shared.ModelUse, Only(("factory",))] = shared.ModelUse(),
    as_json: single.Json = False,
) -> None:
    """Print what a file of ours is, what it was made of and by, and how well; of any data set what is in it.

    That is images by class and split, their size and pixels, which are there twice, and the digest.
    """
    from pathlib import Path

    if source.endswith(".safetensors") or is_derived(source):
        shared.check_of_source(source, data)
        if layers:
            typer.echo(_layers(Path(source), use.factory, as_json=as_json))
        else:
            typer.echo(_of_file(Path(source), as_json=as_json))
    else:
        opening = shared.Opening(data_root=data_root, download=download)
        spec = replace(data, source=source)
        typer.echo(_source_json(spec, opening) if as_json else _source_text(spec, opening))


def _of_file(path: "Path", *, as_json: bool) -> str:
    """What a checkpoint or a set of ours says of itself."""
    from featsplit.metadata.models import read_model_metadata
    from featsplit.metadata.sets import read_set_metadata
    from featsplit.report import files

    if path.suffix != ".safetensors" and as_json:
        metadata = read_set_metadata(path)
        return json.dumps(
            {
                "set": metadata.spec.plain(),
                "made_by": metadata.made_by.plain(),
                "summary": dict(metadata.summary),
                "columns": {
                    name: {"shape": list(shape), "dtype": kind} for name, (shape, kind) in metadata.columns.items()
                },
                "digests": dict(metadata.digests),
                "warnings": list(metadata.warnings or ()),
            }
        )
    if path.suffix != ".safetensors":
        return files.set_text(path)
    return json.dumps(read_model_metadata(path).plain()) if as_json else files.model_text(path)


def _layers(path: "Path", factory: tuple[str, ...], *, as_json: bool) -> str:
    """The layers of the checkpoint at `path` that run, in the order in which they end."""
    from featsplit.models.checkpoints import load_model
    from featsplit.models.classifier import size
    from featsplit.models.encoder import layers_of
    from featsplit.report.cells import as_text

    if path.suffix != ".safetensors":
        raise FeatsplitError(f"{path}: --layers is of a checkpoint (.safetensors)")
    found = layers_of(load_model(path, factory=factory))
    if as_json:
        return json.dumps({"layers": [layer._asdict() for layer in found]})
    shown = [[layer.name, layer.kind, size(layer.shape) if layer.shape else "no tensor"] for layer in found]
    return as_text([["layer", "kind", "output"], *shown])


def _source_json(spec: DataSpec, opening: shared.Opening) -> str:
    """The same of the data set `spec`, for other programs."""
    data = opening.load(spec)
    return json.dumps(
        {
            "name": data.name,
            "shape": list(data.shape),
            "dtype": str(data.train.images.dtype).removeprefix("torch."),
            "classes": list(data.classes),
            "train": data.train.labels.bincount(minlength=len(data.classes)).tolist(),
            "test": data.test.labels.bincount(minlength=len(data.classes)).tolist(),
            "digest": data.digest,
        }
    )


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
