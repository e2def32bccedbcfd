"""What a derived set or a checkpoint says of itself, read without torch: `featsplit info` answers at once."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import h5py
from safetensors import SafetensorError, safe_open

from featsplit.errors import FeatsplitError
from featsplit.made_by import MadeBy, made_by_from

SET_FORMAT = "featsplit-derived-1"
MODEL_FORMAT = "featsplit-model-1"
NOT_TOLD = "not told"
"""The value of what an imported file does not say."""


class SetStory(NamedTuple):
    """What a derived file says of itself: its `spec`, the `digests` of its columns, its `summary`, and their shapes.

    `warnings` says what is wrong with it; None in a file that was made before this was looked for.
    """

    spec: dict[str, Any]
    digests: dict[str, str]
    summary: dict[str, float]
    columns: dict[str, tuple[tuple[int, ...], str]]
    made_by: MadeBy = MadeBy()
    warnings: list[str] | None = None


@contextmanager
def opened_set(path: Path) -> Iterator[h5py.File]:
    """The HDF5 file at `path`, where it is one of ours; FeatsplitError where it is not, or is damaged."""
    if not path.is_file():
        raise FeatsplitError(f"{path}: no such file; make it with featsplit build-robust or build-nonrobust")
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != SET_FORMAT:
                raise FeatsplitError(f"{path}: is no featsplit data set (an HDF5 file of another program?)")
            yield file
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:  # all that h5py raises
        reason = " ".join(str(error).split())[:80]
        raise FeatsplitError(f"{path}: is damaged or no HDF5 file ({reason}); build it again") from error


def read_spec(path: Path) -> SetStory:
    """What the file at `path` says of itself, without reading the images."""
    with opened_set(path) as file:
        spec, digests, summary = (dict(json.loads(file.attrs[name])) for name in ("spec", "digests", "summary"))
        for name in ("method", "source", "split"):
            spec[name]
        for name in ("images", "labels"):
            file[name]
        columns = {name: (file[name].shape, str(file[name].dtype)) for name in file}
        made_by = made_by_from(json.loads(file.attrs["made_by"])) if "made_by" in file.attrs else MadeBy()
        warnings = list(map(str, json.loads(file.attrs["warnings"]))) if "warnings" in file.attrs else None
        return SetStory(spec, digests, summary, columns, made_by, warnings)


def read_model_story(path: Path) -> dict[str, Any]:
    """The story of the checkpoint at `path`; raises FeatsplitError where it is not one of ours."""
    if not path.is_file():
        raise FeatsplitError(f"{path}: no such file; make it with featsplit train --out {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise FeatsplitError(f"{path}: is no readable safetensors file: {error}") from error
    if MODEL_FORMAT not in metadata:
        raise FeatsplitError(f"{path}: is no featsplit model (a safetensors file of another program?)")
    try:
        story: dict[str, Any] = json.loads(metadata[MODEL_FORMAT])
        dict(story["model"])
        [int(size) for size in (*story["shape"], story["classes"])]
    except (ValueError, KeyError, TypeError) as error:
        raise FeatsplitError(f"{path}: its story cannot be read ({error}); train it again") from error
    return story
