"""A derived set is written as shards and then assembled.

Shards lie in a hidden folder beside the set, each renamed into place: a killed build loses at most one. They can be
written by any process or machine that sees that folder, in any order; `assemble` copies them into one HDF5 file, with
a SHA-256 for each column. Chunks there are checksummed (Fletcher-32), but for
images that are too many to be held in memory: these lie in one piece.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from featsplit.data.images import digest_of_all
from featsplit.data.mapped import is_large
from featsplit.errors import FeatsplitError
from featsplit.files import json_digest, replacing
from featsplit.metadata.made_by import MadeBy
from featsplit.metadata.sets import SetMetadata, SetSpec, work_of, write_set_metadata

if TYPE_CHECKING:
    from hashlib import _Hash

SHARD = 1024
"""Rows of a shard."""
LAYOUT = ("v110", "v110")
"""Of HDF5 1.10, whose metadata are checksummed: of older ones a changed byte can crash the library that reads them."""
Columns = dict[str, Tensor]
Summarise = Callable[[Columns], dict[str, float]]
Examine = Callable[[Columns], list[str]]


@dataclass(frozen=True)
class Shards:
    """The shards of the set at `path`: `rows` of its `total` rows in each (None: `SHARD`), as its `spec` decides them.

    They lie in a folder that is named by what decides them, so that no process ever takes up, or removes, what another
    makes of other work.
    """

    path: Path
    spec: SetSpec
    total: int
    rows: int | None = None

    @property
    def size(self) -> int:
        """Rows of a shard, but for the last."""
        return self.rows or SHARD

    @property
    def count(self) -> int:
        """How many there are."""
        return count_of(self.total, self.rows)

    def batches(self, number: int, batch_size: int) -> tuple[Tensor, ...]:
        """The rows of shard `number`, as batches of indices."""
        first = number * self.size
        return torch.split(torch.arange(first, min(first + self.size, self.total)), batch_size)

    def missing(self) -> list[int]:
        """The numbers of those that are still to be written."""
        return [number for number in range(self.count) if not _whole(self._file(number))]

    def write(self, number: int, batches: Iterable[Columns]) -> None:
        """Write shard `number`: the columns of its `batches`, one after the other."""
        parts = list(batches)
        columns = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        with replacing(self._file(number)) as partial:
            save_file(columns, partial, metadata={"digest": digest_of_all(columns)})

    def assemble(self, summarise: Summarise, examine: Examine, made_by: MadeBy) -> SetMetadata:
        """Write the set from its shards, a shard in memory at a time, and remove them; return its metadata.

        `summarise` and `examine` get all columns but the images. Raises FeatsplitError where a shard is missing.
        """
        if absent := self.missing():
            raise FeatsplitError(
                f"{self.path}: shard {absent[0]} of {self.count} is not written yet; all must be there"
            )
        small: dict[str, list[Tensor]] = {}
        hashes: dict[str, _Hash] = {}
        with replacing(self.path) as partial, h5py.File(partial, "w", libver=LAYOUT) as file:
            for number in range(self.count):
                for name, column in _read(self._file(number)).items():
                    target = _column(file, name, column, self.total)
                    target[number * self.size : number * self.size + len(column)] = column.numpy()
                    hashes.setdefault(name, column_hash(target)).update(column.numpy().tobytes())
                    if name != "images":
                        small.setdefault(name, []).append(column)
            columns = {name: torch.cat(parts) for name, parts in small.items()}
            digests = {name: digest.hexdigest() for name, digest in hashes.items()}
            metadata = SetMetadata(self.spec, digests, summarise(columns), made_by, tuple(examine(columns)))
            write_set_metadata(file, metadata)
        drop_shards(self.path)
        return metadata

    def _file(self, number: int) -> Path:
        work = json_digest({"work": work_of(self.spec), "total": self.total, "rows": self.size})[:16]
        return _folder(self.path) / work / f"{number:05d}"


def count_of(total: int, rows: int | None = None) -> int:
    """How many shards of `rows` (None: `SHARD`) a set of `total` rows has."""
    return -(-total // (rows or SHARD))


def drop_shards(path: Path) -> None:
    """Remove all shards of the set at `path`, which is whole."""
    shutil.rmtree(_folder(path), ignore_errors=True)


def column_hash(column: h5py.Dataset) -> "_Hash":
    """A SHA-256 that has seen the type and the shape of `column`; its values are to follow."""
    return hashlib.sha256(f"{column.dtype.str}{column.shape}".encode())


def _folder(path: Path) -> Path:
    return path.with_name(f".{path.name}.shards")


def _whole(shard: Path) -> bool:
    """Whether the shard is there and was written to its end."""
    try:
        with safe_open(shard, framework="pt"):
            return True
    except (OSError, SafetensorError):
        return False


def _read(shard: Path) -> Columns:
    """The columns of the shard; FeatsplitError where a byte of them has changed, and the shard is removed."""
    with safe_open(shard, framework="pt") as opened:
        columns = {name: opened.get_tensor(name) for name in sorted(opened.keys())}
        written = (opened.metadata() or {}).get("digest")
    if digest_of_all(columns) != written:
        shard.unlink()
        raise FeatsplitError(f"{shard}: is not what was written, and is removed; start again, it is made anew")
    return columns


def _column(file: h5py.File, name: str, column: Tensor, total: int) -> h5py.Dataset:
    if name in file:
        return file[name]
    shape, dtype = (total, *column.shape[1:]), column.numpy().dtype
    if is_large(shape, dtype.str):  # in one piece, so that they can be mapped as they lie
        return file.create_dataset(name, shape, dtype=dtype)
    chunks = (min(total, 64 if column.ndim > 1 else SHARD), *column.shape[1:])
    return file.create_dataset(name, shape, dtype=dtype, chunks=chunks, fletcher32=True)
