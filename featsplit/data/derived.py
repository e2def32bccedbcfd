"""A derived data set is one HDF5 file that carries its own story.

Columns, each of N rows: images (N, C, H, W), labels, source_index, source_label, and by method start_index,
start_distance, distance (matching) or target, prediction, control_before, control_after (perturbing). Attributes: the
whole specification as JSON, a SHA-256 for each column, a summary, the networks behind it, and warnings. Chunks are
checksummed (Fletcher-32). The file is written as shards, each renamed into place, then assembled: a killed build loses
at most one shard.
"""

import glob
import hashlib
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from featsplit.data.images import Split
from featsplit.data.mapped import mapped
from featsplit.errors import FeatsplitError, unknown, warn
from featsplit.files import check_writable, replacing
from featsplit.made_by import MadeBy
from featsplit.progress import progress
from featsplit.stories import NOT_TOLD, SET_FORMAT, SetStory, opened_set, read_spec

SHARD = 1024
WHOLE = 2**30
Columns = dict[str, Tensor]
Examine = Callable[[Columns], list[str]]
Dtype = Literal["float32", "float16", "uint8"]
DTYPES: tuple[Dtype, ...] = get_args(Dtype)


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
    summarise: Callable[[Columns], dict[str, float]],
    *,
    total: int,
    batch_size: int,
    spec: dict[str, Any],
    examine: Examine = lambda _: [],
    made_by: MadeBy | None = None,
    overwrite: bool = False,
) -> dict[str, float]:
    """Write `total` rows to `path`, as `compute(rows)` gives them for each batch of indices; return their summary.

    Batches of `batch_size` fill shards of `SHARD` rows. `spec` (JSON values) says what the file is made of and by: a
    file of the same `spec` is left as it is, shards of the same `spec` are taken up. `examine` gives from all columns
    but the images what is wrong with the set: these warnings are said and stored. `made_by` is told in the file, and
    does not decide whether it is the same: a network under another name is the same network. Raises FeatsplitError
    where `path` holds anything else, unless `overwrite`.
    """
    spec, made_by = json.loads(json.dumps(spec)), made_by or MadeBy()
    if (kept := _kept(path, spec)) is not None:
        return _taken_up(path, kept, examine, made_by)
    check_writable(path, overwrite=overwrite)
    own = spec["source"].get("source", "")
    if own.endswith(".h5") and Path(own).resolve() == path.resolve():
        raise FeatsplitError(f"{path}: would replace the data that it is made of; give another --out")
    folder = path.with_name(f".{path.name}.shards")
    shards = [folder / f"{number:05d}" for number in range(-(-total // SHARD))]
    missing = _missing(folder, shards, spec)
    rows = {shard: torch.split(torch.arange(total)[int(shard.name) * SHARD :][:SHARD], batch_size) for shard in missing}
    work = [(shard, batch) for shard in missing for batch in rows[shard]]
    done = sum(len(batches) for batches in rows.values())
    parts: list[Columns] = []
    for shard, batch in progress(work, f"build {path.name}", done=-(-total // batch_size) - done):
        parts.append(compute(batch))
        if len(parts) == len(rows[shard]):
            columns = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
            with replacing(shard) as partial:
                save_file(columns, partial)
            parts.clear()
    summary, warnings = _assemble(path, shards, spec, summarise, examine, made_by, total=total)
    shutil.rmtree(folder)
    _say(path, warnings)
    return summary


def _kept(path: Path, spec: dict[str, Any]) -> SetStory | None:
    """What the file at `path` says where it is of this `spec`; None where it is absent, damaged or another."""
    try:
        story = read_spec(path)
    except FeatsplitError:
        return None
    return story if _same_work(story.spec, spec) else None


def _same_work(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two specs decide the same file: which data, a digest tells, wherever they lie and whatever their name."""

    def work(spec: dict[str, Any]) -> dict[str, Any]:
        if spec.get("source_digest", NOT_TOLD) == NOT_TOLD:
            return spec
        return {**spec, "source": bool(spec["source"]), "source_name": ""}

    return work(one) == work(other)


def _taken_up(path: Path, kept: SetStory, examine: Examine, made_by: MadeBy) -> dict[str, float]:
    """The summary of the file at `path`, which says its warnings again.

    Where the file does not know them yet, or `made_by` tells of a network what it does not, it is written with both.
    """
    warnings, told = kept.warnings, kept.made_by.joined(made_by)
    if warnings is None or told != kept.made_by:
        warnings = examine(read_columns(path, [name for name in kept.columns if name != "images"]))
        with replacing(path) as partial:
            shutil.copyfile(path, partial)
            with h5py.File(partial, "r+") as file:
                _tell(file, made_by=told.plain(), warnings=warnings)
    _say(path, warnings)
    return kept.summary


def _tell(file: h5py.File, **values: Any) -> None:
    """Write each of the JSON `values` as an attribute of the file."""
    for name, value in values.items():
        file.attrs[name] = json.dumps(value)


def _say(path: Path, warnings: list[str]) -> None:
    for warning in warnings:
        warn(f"{path}: {warning}")


def _missing(folder: Path, shards: list[Path], spec: dict[str, Any]) -> list[Path]:
    """The shards still to be computed; those of another spec are dropped."""
    told = folder / "spec.json"
    try:
        same = _same_work(json.loads(told.read_text()), spec)
    except (OSError, ValueError, AttributeError, KeyError):
        same = False
    if folder.exists() and not same:
        shutil.rmtree(folder)
    if not folder.exists():
        with replacing(told) as partial:
            partial.write_text(json.dumps(spec))
    return [shard for shard in shards if not _whole(shard)]


def _whole(shard: Path) -> bool:
    """Whether the shard is there and was written to its end."""
    try:
        with safe_open(shard, framework="pt"):
            return True
    except (OSError, SafetensorError):
        return False


def _assemble(
    path: Path,
    shards: list[Path],
    spec: dict[str, Any],
    summarise: Callable[[Columns], dict[str, float]],
    examine: Examine,
    made_by: MadeBy,
    *,
    total: int,
) -> tuple[dict[str, float], list[str]]:
    """Copy the shards into one file, a shard in memory at a time, with digests; return its summary and warnings."""
    small: dict[str, list[Tensor]] = {}
    hashes: dict[str, Any] = {}
    with replacing(path) as partial, h5py.File(partial, "w") as file:
        for number, shard in enumerate(shards):
            with safe_open(shard, framework="pt") as opened:
                columns = {name: opened.get_tensor(name) for name in sorted(opened.keys())}
            for name, column in columns.items():
                target = _column(file, name, column, total)
                target[number * SHARD : number * SHARD + len(column)] = column.numpy()
                hashes.setdefault(name, _hash(target)).update(column.numpy().tobytes())
                if name != "images":
                    small.setdefault(name, []).append(column)
        columns = {name: torch.cat(parts) for name, parts in small.items()}
        summary, warnings = summarise(columns), examine(columns)
        digests = {name: digest.hexdigest() for name, digest in hashes.items()}
        _tell(file, spec=spec, digests=digests, summary=summary, made_by=made_by.plain(), warnings=warnings)
        file.attrs["format"] = SET_FORMAT
    return summary, warnings


def _column(file: h5py.File, name: str, column: Tensor, total: int) -> h5py.Dataset:
    if name in file:
        return file[name]
    shape = (total, *column.shape[1:])
    chunks = (min(total, 64 if column.ndim > 1 else SHARD), *column.shape[1:])
    return file.create_dataset(name, shape, dtype=column.numpy().dtype, chunks=chunks, fletcher32=True)


def _hash(column: h5py.Dataset) -> Any:
    return hashlib.sha256(f"{column.dtype.str}{column.shape}".encode())


def read_columns(path: Path, names: list[str], rows: slice = slice(None)) -> Columns:
    """Some columns of the file at `path`."""
    with opened_set(path) as file:
        return {name: torch.from_numpy(np.asarray(file[name][rows])) for name in names}


def verify(path: Path) -> list[str]:
    """Recompute the digest of each column; return the names of those verified, or raise FeatsplitError."""
    story = read_spec(path)
    with opened_set(path) as file:
        for name in sorted({*file, *story.digests}):
            if name not in file or name not in story.digests:
                raise FeatsplitError(f'{path}: column "{name}" was added or removed since it was built; build it again')
            digest = _hash(file[name])
            for first in range(0, len(file[name]), SHARD):
                digest.update(file[name][first : first + SHARD].tobytes())
            if digest.hexdigest() != story.digests[name]:
                raise FeatsplitError(f'{path}: column "{name}" is not what was written; build it again')
    return sorted(story.digests)


def load_split(path: Path) -> Split:
    """The images, as stored, and labels of the file at `path`.

    More than `WHOLE` bytes of images are not held in memory but mapped, from a plain copy of them beside the file: to
    take an image out of the file itself is to read and check its whole chunk.
    """
    story = read_spec(path)
    shape, kind = story.columns["images"]
    if math.prod(shape) * np.dtype(kind).itemsize <= WHOLE:
        columns = read_columns(path, ["images", "labels"])
        return Split(columns["images"], columns["labels"])
    return Split(_mapped_images(path, story), read_columns(path, ["labels"])["labels"])


def _mapped_images(path: Path, story: SetStory) -> Tensor:
    """The images of the file at `path`, from a copy that is named by what they are; copies of others are removed."""
    name = hashlib.sha256(json.dumps(story.digests, sort_keys=True).encode()).hexdigest()[:16]
    copy = path.with_name(f".{path.name}.{name}.images")
    for old in set(path.parent.glob(f".{glob.escape(path.name)}.*.images")) - {copy}:
        old.unlink(missing_ok=True)
    shape, kind = story.columns["images"]

    def read(rows: slice) -> NDArray[Any]:
        return read_columns(path, ["images"], rows)["images"].numpy()

    cure = "make room, or build the set again with --dtype uint8"
    return mapped(copy, shape, kind, read, title=f"unpack {path.name}", cure=cure)
