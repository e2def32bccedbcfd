"""A derived data set is one HDF5 file that carries its own metadata.

Columns, each of N rows: images (N, C, H, W), labels, source_index, source_label, and by method start_index,
start_distance, distance (matching) or target, prediction, control_before, control_after (perturbing). Attributes: see
`metadata.sets`. How it is written: see `shards`.
"""

import glob
import hashlib
import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from featsplit.data import shards
from featsplit.data.images import Split
from featsplit.data.mapped import mapped
from featsplit.data.shards import Columns, Examine, Summarise, assemble, column_hash, missing, shard_rows, write_shard
from featsplit.errors import FeatsplitError, unknown, warn
from featsplit.files import check_writable, replacing
from featsplit.metadata.made_by import MadeBy
from featsplit.metadata.plain import as_json
from featsplit.metadata.sets import (
    SetMetadata,
    SetSpec,
    opened_set,
    read_set_metadata,
    set_spec,
    write_set_metadata,
)
from featsplit.progress import progress
from featsplit.records.data import DTYPES
from featsplit.records.data import Dtype as Dtype

WHOLE = 2**30


def as_stored(inputs: Tensor, dtype: Dtype) -> Tensor:
    """Images in [0, 1] as they will lie in the file: float32, float16, or uint8 rounded to the nearest of 256."""
    if dtype == "uint8":
        return (inputs * 255).round().to(torch.uint8)
    return inputs.half() if dtype == "float16" else inputs.float()


def check_dtype(dtype: str) -> None:
    """Raise FeatsplitError where `dtype` is none of `DTYPES`."""
    if dtype not in DTYPES:
        raise unknown("dtype", dtype, DTYPES)


def write_derived(
    path: Path,
    compute: Callable[[Tensor], Columns],
    summarise: Summarise,
    *,
    total: int,
    batch_size: int,
    spec: SetSpec,
    examine: Examine = lambda _: [],
    made_by: MadeBy | None = None,
    overwrite: bool = False,
) -> dict[str, float]:
    """Write `total` rows to `path`, as `compute(rows)` gives them for each batch of indices; return their summary.

    Batches of `batch_size` fill shards. `spec` says what the file is made of and by: a file of the same work is left as
    it is, shards of the same work are taken up. `examine` gives from all columns but the images what is wrong with the
    set: these warnings are said and stored. `made_by` is kept in the file, and does not decide whether it is the same:
    a network under another name is the same network. Raises FeatsplitError where `path` holds anything else, unless
    `overwrite`.
    """
    spec, made_by = set_spec(as_json(spec.plain())), made_by or MadeBy()
    if (kept := _kept(path, spec)) is not None:
        return _taken_up(path, kept, examine, made_by)
    check_writable(path, overwrite=overwrite)
    source = str(spec.source.get("source", ""))
    if source.endswith(".h5") and Path(source).resolve() == path.resolve():
        raise FeatsplitError(f"{path}: would replace the data that it is made of; give another --out")
    numbers = missing(path, spec, total=total)
    batches = {number: shard_rows(number, total=total, batch_size=batch_size) for number in numbers}
    work = [rows for of_shard in batches.values() for rows in of_shard]
    computed = map(compute, progress(work, f"build {path.name}", done=-(-total // batch_size) - len(work)))
    for number, of_shard in batches.items():
        write_shard(path, number, islice(computed, len(of_shard)))
    metadata = assemble(path, summarise, examine, spec=spec, total=total, made_by=made_by)
    _say(path, metadata.warnings or ())
    return dict(metadata.summary)


def _kept(path: Path, spec: SetSpec) -> SetMetadata | None:
    """The metadata of the file at `path` where it is of this `spec`; None where it is absent, damaged or another."""
    try:
        metadata = read_set_metadata(path)
    except FeatsplitError:
        return None
    return metadata if metadata.spec.same_work(spec) else None


def _taken_up(path: Path, kept: SetMetadata, examine: Examine, made_by: MadeBy) -> dict[str, float]:
    """The summary of the file at `path`, which says its warnings again.

    Where the file does not have them yet, or `made_by` knows of a network what it does not, it is written with both.
    """
    warnings, joined = kept.warnings, kept.made_by.joined(made_by)
    if warnings is None or joined != kept.made_by:
        warnings = tuple(examine(read_columns(path, [name for name in kept.columns if name != "images"])))
        with replacing(path) as partial:
            shutil.copyfile(path, partial)
            with h5py.File(partial, "r+") as file:
                write_set_metadata(file, replace(kept, made_by=joined, warnings=warnings))
    _say(path, warnings)
    return dict(kept.summary)


def _say(path: Path, warnings: Sequence[str]) -> None:
    for warning in warnings:
        warn(f"{path}: {warning}")


def read_columns(path: Path, names: list[str], rows: slice = slice(None)) -> Columns:
    """Some columns of the file at `path`."""
    with opened_set(path) as file:
        return {name: torch.from_numpy(np.asarray(file[name][rows])) for name in names}


def verify(path: Path) -> list[str]:
    """Recompute the digest of each column; return the names of those verified, or raise FeatsplitError."""
    digests = read_set_metadata(path).digests
    with opened_set(path) as file:
        for name in sorted({*file, *digests}):
            if name not in file or name not in digests:
                raise FeatsplitError(f'{path}: column "{name}" was added or removed since it was built; build it again')
            digest = column_hash(file[name])
            for first in range(0, len(file[name]), shards.SHARD):
                digest.update(file[name][first : first + shards.SHARD].tobytes())
            if digest.hexdigest() != digests[name]:
                raise FeatsplitError(f'{path}: column "{name}" is not what was written; build it again')
    return sorted(digests)


def load_split(path: Path) -> Split:
    """The images, as stored, and labels of the file at `path`.

    More than `WHOLE` bytes of images are not held in memory but mapped, from a plain copy of them beside the file: to
    take an image out of the file itself is to read and check its whole chunk.
    """
    metadata = read_set_metadata(path)
    shape, kind = metadata.columns["images"]
    if math.prod(shape) * np.dtype(kind).itemsize <= WHOLE:
        columns = read_columns(path, ["images", "labels"])
        return Split(columns["images"], columns["labels"])
    return Split(_mapped_images(path, metadata), read_columns(path, ["labels"])["labels"])


def _mapped_images(path: Path, metadata: SetMetadata) -> Tensor:
    """The images of the file at `path`, from a copy that is named by what they are; copies of others are removed."""
    name = hashlib.sha256(json.dumps(metadata.digests, sort_keys=True).encode()).hexdigest()[:16]
    copy = path.with_name(f".{path.name}.{name}.images")
    for old in set(path.parent.glob(f".{glob.escape(path.name)}.*.images")) - {copy}:
        old.unlink(missing_ok=True)
    shape, kind = metadata.columns["images"]

    def read(rows: slice) -> NDArray[np.generic]:
        return read_columns(path, ["images"], rows)["images"].numpy()

    cure = "make room, or build the set again with --dtype uint8"
    return mapped(copy, shape, kind, read, title=f"unpack {path.name}", cure=cure)
