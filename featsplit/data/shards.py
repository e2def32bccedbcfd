"""A derived set is written as shards and then assembled: `missing`, `write_shard`, `assemble`.

Shards lie in a hidden folder beside the set, each renamed into place: a killed build loses at most one. They can be
written by any process or machine that sees that folder, in any order; `assemble` copies them into one HDF5 file, with
a SHA-256 for each column. Chunks there are checksummed (Fletcher-32).
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from featsplit.errors import FeatsplitError
from featsplit.files import replacing
from featsplit.metadata.made_by import MadeBy
from featsplit.metadata.plain import mapping
from featsplit.metadata.sets import SetMetadata, SetSpec, set_spec, write_set_metadata

if TYPE_CHECKING:
    from hashlib import _Hash

SHARD = 1024
"""Rows of a shard."""
Columns = dict[str, Tensor]
Summarise = Callable[[Columns], dict[str, float]]
Examine = Callable[[Columns], list[str]]


def shard_rows(number: int, *, total: int, batch_size: int) -> tuple[Tensor, ...]:
    """The rows of shard `number` of a set of `total` rows, as batches of indices."""
    return torch.split(torch.arange(total)[number * SHARD :][:SHARD], batch_size)


def missing(path: Path, spec: SetSpec, *, total: int) -> list[int]:
    """The numbers of the shards still to be written for the set at `path`; those of another `spec` are dropped.

    To be called once before shards are written anywhere: it makes the folder that they lie in.
    """
    folder = _folder(path)
    if folder.exists() and not _of_spec(folder, spec):
        shutil.rmtree(folder)
    if not folder.exists():
        with replacing(folder / "spec.json") as partial:
            partial.write_text(json.dumps(spec.plain()))
    return [number for number in range(_count(total)) if not _whole(_shard(path, number))]


def write_shard(path: Path, number: int, batches: Iterable[Columns]) -> None:
    """Write shard `number` of the set at `path`: the columns of its `batches`, one after the other."""
    parts = list(batches)
    columns = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    with replacing(_shard(path, number)) as partial:
        save_file(columns, partial)


def assemble(
    path: Path, summarise: Summarise, examine: Examine, *, spec: SetSpec, total: int, made_by: MadeBy
) -> SetMetadata:
    """Write the set at `path` from its shards, a shard in memory at a time, and remove them; return its metadata.

    `summarise` and `examine` get all columns but the images. Raises FeatsplitError where a shard is missing.
    """
    if absent := missing(path, spec, total=total):
        raise FeatsplitError(f"{path}: shard {absent[0]} of {_count(total)} is not written yet; all must be there")
    small: dict[str, list[Tensor]] = {}
    hashes: dict[str, _Hash] = {}
    with replacing(path) as partial, h5py.File(partial, "w") as file:
        for number in range(_count(total)):
            for name, column in _read(_shard(path, number)).items():
                target = _column(file, name, column, total)
                target[number * SHARD : number * SHARD + len(column)] = column.numpy()
                hashes.setdefault(name, column_hash(target)).update(column.numpy().tobytes())
                if name != "images":
                    small.setdefault(name, []).append(column)
        columns = {name: torch.cat(parts) for name, parts in small.items()}
        digests = {name: digest.hexdigest() for name, digest in hashes.items()}
        metadata = SetMetadata(spec, digests, summarise(columns), made_by, tuple(examine(columns)))
        write_set_metadata(file, metadata)
    shutil.rmtree(_folder(path))
    return metadata


def column_hash(column: h5py.Dataset) -> "_Hash":
    """A SHA-256 that has seen the type and the shape of `column`; its values are to follow."""
    return hashlib.sha256(f"{column.dtype.str}{column.shape}".encode())


def _folder(path: Path) -> Path:
    return path.with_name(f".{path.name}.shards")


def _shard(path: Path, number: int) -> Path:
    return _folder(path) / f"{number:05d}"


def _count(total: int) -> int:
    return -(-total // SHARD)


def _of_spec(folder: Path, spec: SetSpec) -> bool:
    try:
        return set_spec(mapping(json.loads((folder / "spec.json").read_text()))).same_work(spec)
    except (OSError, ValueError, TypeError, KeyError):
        return False


def _whole(shard: Path) -> bool:
    """Whether the shard is there and was written to its end."""
    try:
        with safe_open(shard, framework="pt"):
            return True
    except (OSError, SafetensorError):
        return False


def _read(shard: Path) -> Columns:
    with safe_open(shard, framework="pt") as opened:
        return {name: opened.get_tensor(name) for name in sorted(opened.keys())}


def _column(file: h5py.File, name: str, column: Tensor, total: int) -> h5py.Dataset:
    if name in file:
        return file[name]
    shape = (total, *column.shape[1:])
    chunks = (min(total, 64 if column.ndim > 1 else SHARD), *column.shape[1:])
    return file.create_dataset(name, shape, dtype=column.numpy().dtype, chunks=chunks, fletcher32=True)
