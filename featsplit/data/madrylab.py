"""The layout of the published sets (github.com/MadryLab/constructed-datasets), read and written.

A set there is a folder of two files of torch.save, each a list of tensors: joined, `CIFAR_ims` is images (N, C, H, W)
in [0, 1] and `CIFAR_lab` is labels (N,). They are read as tensors only; a file that names anything else is refused.
They say neither which image each row came from nor how it was made, so an imported set has these two columns alone.
"""

import hashlib
import math
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from featsplit import __version__
from featsplit.data.derived import check_column, read_columns, write_derived
from featsplit.data.images import ImageData, as_inputs
from featsplit.data.sources import DataSpec, describe
from featsplit.errors import FeatsplitError, unknown
from featsplit.files import check_writable, replacing
from featsplit.metadata.plain import as_json
from featsplit.metadata.sets import NOT_TOLD, SetSpec, read_set_metadata
from featsplit.pickles import foreign_name, kind_of, opened, plain_tensor

IMAGES, LABELS = "CIFAR_ims", "CIFAR_lab"
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDERS = {
    "robust": ("robust_CIFAR", "d_robust_CIFAR"),
    "nonrobust": ("non_robust_CIFAR", "d_non_robust_CIFAR"),
    "rand": ("drand_CIFAR", "d_rand_CIFAR"),
    "det": ("ddet_CIFAR", "d_det_CIFAR"),
}
PIECE = 1024  # rows of a tensor in an exported list, and rows copied at a time by an import


def set_of_folder(folder: Path) -> str | None:
    """Which set a folder of the release holds, by its name (`robust_CIFAR`, `d_robust_CIFAR` ...); None if unknown."""
    named = folder.resolve().name
    return next((name for name, folders in FOLDERS.items() if named in folders), None)


def import_madrylab(
    folder: Path,
    out: Path,
    *,
    name: str | None = None,
    source: ImageData | None = None,
    split: Literal["train", "test"] = "train",
    overwrite: bool = False,
) -> int:
    """Write the set in `folder` to `out` as a derived file, images as float32; return how many rows it has.

    `name` (robust, nonrobust, rand, det; None: by the folder's name) is the set, and `split` what it was made of.
    `source` is the data that it was made of, whose classes and other split it shares; None is CIFAR-10, which is
    then looked for only when the file is trained on. Raises FeatsplitError where the files are absent, hold anything
    but tensors, or do not fit the source; and where `out` holds anything else than this set, unless `overwrite`.
    """
    if name is not None and name not in FOLDERS:
        raise unknown("set", name, FOLDERS)
    name = name or set_of_folder(folder)
    shape, classes = ((3, 32, 32), CIFAR10) if source is None else (source.shape, source.classes)
    images, labels = _images(folder / IMAGES, shape), _labels(folder / LABELS, len(classes))
    total = sum(map(len, images))
    if total != len(labels) or not total:
        raise FeatsplitError(f"{folder}: {total} images and {len(labels)} labels; must be one for each, and some")
    spec = SetSpec(
        method="import",
        parameters={"layout": "madrylab", **{file: _file_digest(folder / file) for file in (IMAGES, LABELS)}},
        name=name,
        split=split,
        seed=NOT_TOLD,
        source=as_json(source.origin if source else describe(DataSpec("cifar10"))),
        source_name=source.name if source else "cifar10",
        source_digest=source.digest if source else NOT_TOLD,
        classes=classes,
        precision=NOT_TOLD,
        versions={"featsplit": __version__, "torch": torch.__version__},
    )

    def compute(rows: Tensor) -> dict[str, Tensor]:
        first, last = int(rows[0]), int(rows[-1]) + 1
        return {"images": _joined(images, first, last).float(), "labels": labels[rows]}

    write_derived(out, compute, lambda _: {}, total=total, batch_size=PIECE, spec=spec, overwrite=overwrite)
    return total


def export_madrylab(path: Path, folder: Path, *, overwrite: bool = False) -> int:
    """Write the derived set at `path` to `folder` as the release has it, images as float32; return how many rows.

    In the format of torch before 1.6, as the release: every version reads it, under weights_only too. torch.save takes
    the whole list, so all images are in memory once. Only images and labels go there, none of the file's metadata.
    Raises FeatsplitError where `path` is no derived set or `folder` already holds one, unless `overwrite`.
    """
    total = read_set_metadata(path).columns["labels"][0][0]
    for name in (IMAGES, LABELS):
        check_writable(folder / name, overwrite=overwrite)
    for name in ("images", "labels"):
        check_column(path, name)
    pieces = [read_columns(path, ["images", "labels"], slice(row, row + PIECE)) for row in range(0, total, PIECE)]
    _save([as_inputs(piece["images"]) for piece in pieces], folder / IMAGES)
    _save([piece["labels"] for piece in pieces], folder / LABELS)
    return total


def _save(pieces: list[Tensor], path: Path) -> None:
    with replacing(path) as partial:
        torch.save(pieces, partial, _use_new_zipfile_serialization=False)


def _load(path: Path) -> list[Tensor]:
    """The list of tensors at `path`, in memory once."""
    if not path.is_file():
        raise FeatsplitError(f"{path}: no such file; a set of the release is a folder with {IMAGES} and {LABELS}")
    with opened(path) as file:
        if (name := foreign_name(file.tree)) is not None:
            raise FeatsplitError(f"{path}: names {name}; only tensors are read, and nothing is run")
        pieces = [plain_tensor(node) for node in file.tree] if isinstance(file.tree, list | tuple) else []
        nodes = [node for node in pieces if node is not None]
        if not nodes or len(nodes) < len(pieces):
            raise FeatsplitError(f"{path}: holds a {kind_of(file.tree)}; must be a list of tensors, as in the release")
        tensors = file.tensors(nodes)
        if sum(math.prod(tensor.shape) * tensor.itemsize for tensor in tensors) > file.length:  # they overlap there
            raise FeatsplitError(f"{path}: its tensors are larger than the file; save a copy of each: .clone()")
    return tensors


def _images(path: Path, shape: tuple[int, int, int]) -> list[Tensor]:
    pieces = _load(path)
    for number, piece in enumerate(pieces):
        place = f"{path}: tensor {number}"
        if not piece.is_floating_point() or tuple(piece.shape[1:]) != shape:
            found = f"{str(piece.dtype).removeprefix('torch.')} {tuple(piece.shape)}"
            rule = f"must be floating point (n, {', '.join(map(str, shape))}), as its source; see --data"
            raise FeatsplitError(f"{place} is {found}; {rule}")
        if not bool(((piece >= 0) & (piece <= 1)).all()):
            raise FeatsplitError(
                f"{place}: pixels span {float(piece.min()):g} to {float(piece.max()):g}; must be in [0, 1]"
            )
    return pieces


def _labels(path: Path, classes: int) -> Tensor:
    pieces = _load(path)
    for number, piece in enumerate(pieces):
        if piece.ndim != 1 or piece.is_floating_point() or piece.dtype == torch.bool or piece.is_complex():
            found = f"{str(piece.dtype).removeprefix('torch.')} {tuple(piece.shape)}"
            raise FeatsplitError(f"{path}: tensor {number} is {found}; must be whole numbers (n,)")
    labels = torch.cat([piece.long() for piece in pieces])
    wrong = ((labels < 0) | (labels >= classes)).nonzero()
    if len(wrong):
        row = int(wrong[0])
        raise FeatsplitError(f"{path}: label {int(labels[row])} at index {row}; labels must be in 0 ... {classes - 1}")
    return labels


def _joined(pieces: list[Tensor], first: int, last: int) -> Tensor:
    """Rows `first` to `last` of the concatenation of `pieces`, which is never formed."""
    parts, start = [], 0
    for piece in pieces:
        if start < last and start + len(piece) > first:
            parts.append(piece[max(first - start, 0) : last - start])
        start += len(piece)
    return torch.cat(parts)


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
