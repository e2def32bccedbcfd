"""A derived data set is one HDF5 file that carries its own story.

Columns, each of N rows: images (N, C, H, W), labels, source_index, source_label, and by method start_index,
start_distance, distance (matching) or target, prediction, control_before, control_after (perturbing). Attributes: the
whole specification as JSON, a SHA-256 for each column, and a summary. Chunks are checksummed (Fletcher-32). The file is
written as shards, each renamed into place, then assembled: a killed build loses at most one shard.
"""

import glob
import hashlib
import json
import math
import os
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
from torch.utils.data import Dataset

from featsplit.data.images import Split, as_inputs
from featsplit.data.mapped import mapped
from featsplit.errors import FeatsplitError, unknown
from featsplit.files import check_writable, replacing
from featsplit.progress import progress
from featsplit.stories import NOT_TOLD, SET_FORMAT, SetStory, opened_set, read_spec

SHARD = 1024
WHOLE = 2**30
Columns = dict[str, Tensor]
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
    overwrite: bool = False,
) -> dict[str, float]:
    """Write `total` rows to `path`, as `compute(rows)` gives them for each batch of indices; return their summary.

    Batches of `batch_size` fill shards of `SHARD` rows. `spec` (JSON values) says what the file is made of and by: a
    file of the same `spec` is left as it is, shards of the same `spec` are taken up. Raises FeatsplitError where `path`
    holds anything else, unless `overwrite`.
    """
    spec = json.loads(json.dumps(spec))
    if (kept := _kept(path, spec)) is not None:
        return kept
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
    summary = _assemble(path, shards, spec, summarise, total=total)
    shutil.rmtree(folder)
    return summary


def _kept(path: Path, spec: dict[str, Any]) -> dict[str, float] | None:
    """The summary of the file at `path` where it is of this `spec`; None where it is absent, damaged or another."""
    try:
        story = read_spec(path)
    except FeatsplitError:
        return None
    return story.summary if _same_work(story.spec, spec) else None


def _same_work(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two specs decide the same file: which data, a digest tells, wherever they lie and whatever their name."""

    def work(spec: dict[str, Any]) -> dict[str, Any]:
        if spec.get("source_digest", NOT_TOLD) == NOT_TOLD:
            return spec
        return {**spec, "source": bool(spec["source"]), "source_name": ""}

    return work(one) == work(other)


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
    *,
    total: int,
) -> dict[str, float]:
    """Copy the shards into one file, a shard in memory at a time, with digests and summary."""
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
        summary = summarise({name: torch.cat(parts) for name, parts in small.items()})
        digests = {name: digest.hexdigest() for name, digest in hashes.items()}
        for name, value in (("spec", spec), ("digests", digests), ("summary", summary)):
            file.attrs[name] = json.dumps(value)
        file.attrs["format"] = SET_FORMAT
    return summary


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


class DerivedDataset(Dataset[tuple[Tensor, int]]):
    """A derived file as a torch Dataset of (image, label): the image (C, H, W) float32 in [0, 1].

    Rows are read when asked for. Each process opens the file for itself, so it is safe with DataLoader workers.
    `spec` and `summary` hold the file's story, `columns` every other column in memory.
    """

    def __init__(self, path: Path) -> None:
        story = read_spec(path)
        self.path, self.spec, self.summary = path, story.spec, story.summary
        self.columns = read_columns(path, [name for name in story.columns if name != "images"])
        self._file: tuple[int, h5py.File] | None = None

    def __len__(self) -> int:
        return len(self.columns["labels"])

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row}: the set has {len(self)}")
        if self._file is None or self._file[0] != os.getpid():
            self._file = os.getpid(), h5py.File(self.path, "r")
        image = torch.from_numpy(np.asarray(self._file[1]["images"][row % len(self)]))
        return as_inputs(image), int(self.columns["labels"][row])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None}


def open_dataset(path: str | Path) -> DerivedDataset:
    """The derived set at `path` as a torch Dataset; raises FeatsplitError where it is damaged or foreign."""
    return DerivedDataset(Path(path))
