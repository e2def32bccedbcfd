"""Files of torch.save, of any version, opened without running anything that is in them."""

import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple

import torch
from torch import Tensor

from featsplit.errors import FeatsplitError
from featsplit.pickles.inert import STORAGES, Inert, Storage

PIECE = 2**20  # bytes read at a time
MAGIC = 0x1950A86A20F9469CFC6C  # opens a file of torch before 1.6
Damage = (
    pickle.UnpicklingError,
    struct.error,
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ImportError,
    EOFError,
    ArithmeticError,
    MemoryError,
)


class _Unpickler(pickle.Unpickler):
    """Every name becomes an Inert, and every storage a Storage."""

    def __init__(self, file: Any) -> None:
        super().__init__(file, encoding="utf-8")
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        return Inert(f"{module}.{name}")

    def persistent_load(self, entry: Any) -> Any:
        kind, named, key, _, size, *view = entry
        if kind != "storage" or any(view) or not isinstance(key, str) or not isinstance(size, int):
            return Inert("an object outside of the pickle", (entry,))
        return self.storages.setdefault(key, Storage(named.origin, key, size))


class TorchFile(NamedTuple):
    """What a file holds as a `tree` of plain values and Inert, where a storage lies, and the file's length in bytes.

    `place(storage)` is an open file at the storage's first byte, and how many there are.
    """

    tree: Any
    place: Callable[[Storage], tuple[IO[bytes], int]]
    length: int

    def tensors(self, nodes: Sequence[Inert]) -> list[Tensor]:
        """The tensors that `nodes` (see `plain_tensor`) stand for: each storage is read now, once.

        Tensors that share a storage are views of it, as they were when they were saved.
        """
        storages = dict.fromkeys(node.args[0] for node in nodes)
        sizes = [storage.size * STORAGES[storage.origin].itemsize for storage in storages]
        if min(sizes, default=0) < 0 or sum(sizes) > self.length:  # before memory is taken for them
            raise EOFError("its storages are larger than the file")
        contents = {storage: self._content(storage) for storage in storages}
        views = [(contents[node.args[0]], *node.args[1:4]) for node in nodes]
        return [content.as_strided(shape, stride, offset) for content, offset, shape, stride in views]

    def _content(self, storage: Storage) -> Tensor:
        """All numbers of a storage, which must be as many as it is said to have."""
        dtype = STORAGES[storage.origin]
        size, (file, there) = storage.size * dtype.itemsize, self.place(storage)
        if there != size:
            raise EOFError(f"storage {storage.key} is not what it should be")
        content = bytearray(size)
        for first in range(0, size, PIECE):
            part = file.read(min(PIECE, size - first))
            content[first : first + len(part)] = part
            if len(part) != min(PIECE, size - first):
                raise EOFError(f"storage {storage.key} is cut off")
        return torch.frombuffer(content, dtype=dtype) if size else torch.empty(0, dtype=dtype)


@contextmanager
def opened(path: Path) -> Iterator[TorchFile]:
    """The file of torch.save at `path`, of any version; FeatsplitError where it is none or is damaged."""
    if not path.is_file():
        raise FeatsplitError(f"{path}: no such file")
    try:
        with path.open("rb") as file:
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as archive:
                    yield _archive(archive, path.stat().st_size)
            else:
                file.seek(0)
                yield _sequence(file, path.stat().st_size)
    except Damage as error:
        reason = " ".join(str(error).split())[:80] or type(error).__name__
        raise FeatsplitError(f"{path}: is damaged or no file of torch.save ({reason}); copy it again") from error


def _archive(archive: zipfile.ZipFile, length: int) -> TorchFile:
    """From torch 1.6 on: a zip of `data.pkl` and a record for each storage."""
    name = next((name for name in archive.namelist() if name.endswith("/data.pkl")), None)
    if name is None:
        raise EOFError("no data.pkl in it")
    if any(record.file_size > length for record in archive.infolist()):  # torch.save does not compress
        raise EOFError("its records are larger than the file")
    folder = name.removesuffix("data.pkl")
    if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
        raise ValueError("its numbers are not little-endian")
    with archive.open(name) as file:
        tree = _Unpickler(file).load()

    def place(storage: Storage) -> tuple[IO[bytes], int]:
        record = archive.getinfo(f"{folder}data/{storage.key}")
        return archive.open(record), record.file_size

    return TorchFile(tree, place, length)


def _sequence(file: BinaryIO, length: int) -> TorchFile:
    """Before torch 1.6: five pickles, then for each storage its count (8 bytes) and its bytes."""
    if _Unpickler(file).load() != MAGIC:
        raise ValueError("it does not begin as one")
    for _ in ("version of the format", "machine"):
        _Unpickler(file).load()
    unpickler = _Unpickler(file)
    tree = unpickler.load()
    places: dict[str, tuple[int, int]] = {}
    for key in _Unpickler(file).load():
        size = int.from_bytes(file.read(8), "little") * STORAGES[unpickler.storages[key].origin].itemsize
        places[key] = file.tell(), min(size, length)
        file.seek(size, 1)

    def place(storage: Storage) -> tuple[IO[bytes], int]:
        start, size = places[storage.key]
        file.seek(start)
        return file, size

    return TorchFile(tree, place, length)
