"""A derived data set is one HDF5 file that carries its own metadata.

Columns, each of N rows: images (N, C, H, W), labels, source_index, source_label, and by method start_index,
start_distance, distance (matching) or target, prediction, control_before, control_after (perturbing). Attributes: see
`metadata.sets`. How it is written: see `shards`.
"""

import glob
import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from featsplit.data.images import Split
from featsplit.data.mapped import is_large, mapped, open_mapped
from featsplit.data.shards import SHARD, Columns, Examine, Shards, Summarise, column_hash, drop_shards
from featsplit.errors import FeatsplitError, unknown, warn
from featsplit.files import check_digest, check_writable, replacing, write_json
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
    shard: int | None = None,
    only: int | None = None,
) -> dict[str, float]:
    """Write `total` rows to `path`, as `compute(rows)` gives them for each batch of indices; return their summary.

    Batches of `batch_size` fill shards of `shard` rows (None: 1024); with `only` that one is written and no more, and
    the summary is empty: any process writes any shard, and the build without `only` puts them together. `spec` says
    what the file is made of and by: a file of the same work is left as it is, shards of the same work are taken up.
    `examine` gives from all columns but the images what is wrong with the set: these warnings are said and stored.
    `made_by` is kept in the file, and does not decide whether it is the same: a network under another name is the same
    network. Raises FeatsplitError where `path` holds anything else, unless `overwrite`.
    """
    spec, made_by = set_spec(as_json(spec.plain())), made_by or MadeBy()
    if (kept := _kept(path, spec)) is not None:
        drop_shards(path)  # left by a kill after the set was whole
        return _taken_up(path, kept, examine, made_by)
    check_writable(path, overwrite=overwrite)
    source = str(spec.source.get("source", ""))
    if source.endswith(".h5") and Path(source).resolve() == path.resolve():
        raise FeatsplitError(f"{path}: would replace the data that it is made of; give another --out")
    shards = Shards(path, spec, total, shard)
    batches = {n: shards.batches(n, batch_size) for n in shards.missing() if only in (None, n)}
    work = [rows for of_shard in batches.values() for rows in of_shard]
    of_all = -(-total // batch_size) if only is None else len(work)
    computed = map(compute, progress(work, f"build {path.name}", done=of_all - len(work)))
    for number, of_shard in batches.items():
        shards.write(number, islice(computed, len(of_shard)))
    if only is not None:
        return {}
    metadata = shards.assemble(summarise, examine, made_by)
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
    """Some columns of the file at `path`. Whole ones are checked: FeatsplitError where one is not what was written."""
    digests = read_set_metadata(path).digests if rows == slice(None) else {}
    columns: Columns = {}
    with opened_set(path) as file:
        for name in names:
            values = np.ascontiguousarray(file[name][rows])
            if name in digests:
                digest = column_hash(file[name])
                digest.update(values.reshape(-1).data)
                _check_column(path, name, digest.hexdigest(), digests[name])
            columns[name] = torch.from_numpy(values)
    return columns


def check_column(path: Path, name: str) -> None:
    """Raise FeatsplitError where the column `name` of the file at `path` is not what was written."""
    _check_column(path, name, _digest(path, name), read_set_metadata(path).digests[name])


def _check_column(path: Path, name: str, found: str, written: str) -> None:
    check_digest(f'{path}: column "{name}"', found, written, cure="build it again")


def _digest(path: Path, name: str) -> str:
    """The digest of the column `name`, a shard in memory at a time."""
    with opened_set(path) as file:
        digest = column_hash(file[name])
        for first in range(0, len(file[name]), SHARD):
            digest.update(file[name][first : first + SHARD].tobytes())
    return digest.hexdigest()


def verify(path: Path) -> list[str]:
    """Recompute the digest of each column; return the names of those verified, or raise FeatsplitError."""
    metadata = read_set_metadata(path)
    for name in sorted({*metadata.columns, *metadata.digests}):
        if name not in metadata.columns or name not in metadata.digests:
            raise FeatsplitError(f'{path}: column "{name}" was added or removed since it was built; build it again')
        if _digest(path, name) != metadata.digests[name]:
            raise FeatsplitError(f'{path}: column "{name}" is not what was written; build it again')
    return sorted(metadata.digests)


def load_split(path: Path) -> Split:
    """The images, as stored, and labels of the file at `path`.

    More than `mapped.WHOLE` bytes of images are not held in memory but mapped, as they lie in the file; a file of a
    version before 0.2 has them in chunks, and they are mapped from a plain copy beside it. Their digest is checked once
    for each state of the file, as its size and time tell it.
    """
    metadata = read_set_metadata(path)
    shape, kind = metadata.columns["images"]
    if not is_large(shape, kind):
        columns = read_columns(path, ["images", "labels"])
        return Split(columns["images"], columns["labels"])
    with opened_set(path) as file:
        offset = file["images"].id.get_offset()
    if offset is None:
        images = _from_copy(path, metadata)
    else:
        _check_once(path, metadata)
        images = open_mapped(path, shape, kind, offset)
    return Split(images, read_columns(path, ["labels"])["labels"])


def _check_once(path: Path, metadata: SetMetadata) -> None:
    """Check the images of the file at `path`, unless a note beside it says that they were, as the file is now."""
    seen, known = path.stat(), path.with_name(f".{path.name}.checked")
    state = {"size": seen.st_size, "time": seen.st_mtime_ns, "digest": metadata.digests["images"]}
    try:
        if json.loads(known.read_text()) == state:
            return
    except (OSError, ValueError):
        pass
    check_column(path, "images")
    with suppress(FeatsplitError):  # a folder that cannot be written to: checked each time
        write_json(known, state)


def _from_copy(path: Path, metadata: SetMetadata) -> Tensor:
    """The images of the file at `path`, from a copy that is named by what they are; copies of others are removed."""
    name = hashlib.sha256(json.dumps(metadata.digests, sort_keys=True).encode()).hexdigest()[:16]
    copy = path.with_name(f".{path.name}.{name}.images")
    if not copy.exists():
        check_column(path, "images")
    for old in set(path.parent.glob(f".{glob.escape(path.name)}.*.images")) - {copy}:
        old.unlink(missing_ok=True)
    shape, kind = metadata.columns["images"]

    def read(rows: slice) -> NDArray[np.generic]:
        return read_columns(path, ["images"], rows)["images"].numpy()

    cure = "make room, or build the set again with --dtype uint8"
    return mapped(copy, shape, kind, read, title=f"unpack {path.name}", cure=cure)
