"""A file of torch.save as a tree of names and values: nothing that the file names is imported or called.

A pickle is a program: one instruction names a function, another calls it. Here every name, whatever it is, becomes
inert: it keeps what it is called with, and the program runs to its end and has done nothing. Tensors are then
read off the tree, each from its own bytes in the file, once it is known that the tree below holds nothing else.
"""

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

PIECE = 2**20  # bytes read at a time
MAGIC = 0x1950A86A20F9469CFC6C  # opens a file of torch before 1.6
STORAGES = {
    "torch.DoubleStorage": torch.float64,
    "torch.FloatStorage": torch.float32,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
}
MAPPING, TENSOR, PARAMETER = (
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
)
PLAIN = {MAPPING, TENSOR, PARAMETER, *STORAGES}
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


class Inert(type):
    """What stands for a name in the file, and for whatever comes of calling it: a class, since a pickle asks for one.

    `origin` is the name, `args` what it was called with, `items` what was set in it by
    key, and `rest` all else that it was given. Calling it, or making an object of it, gives another of these.
    """

    origin: str
    args: tuple[Any, ...]
    items: dict[Any, Any]
    rest: list[Any]

    def __new__(cls, origin: str, *given: Any) -> "Inert":
        return super().__new__(cls, "Inert", (), {"__new__": _made})

    def __init__(cls, origin: str, args: tuple[Any, ...] = (), *rest: Any) -> None:
        cls.origin, cls.args, cls.items, cls.rest = origin, args, {}, list(rest)

    def __call__(cls, *args: Any, **options: Any) -> "Inert":
        return Inert(cls.origin, args, cls.args, cls.items, cls.rest, options)

    def __setitem__(cls, key: Any, value: Any) -> None:
        cls.items[key] = value

    def __setstate__(cls, state: Any) -> None:
        cls.rest.append(state)

    def append(cls, value: Any) -> None:
        """For a subclass of list."""
        cls.rest.append(value)

    def extend(cls, values: list[Any]) -> None:
        """For a subclass of list."""
        cls.rest.extend(values)

    def add(cls, value: Any) -> None:
        """For a subclass of set."""
        cls.rest.append(value)


def _made(cls: Inert, *args: Any, **options: Any) -> Inert:
    return cls(*args, **options)


class Storage(NamedTuple):
    """Bytes in the file: `size` numbers of the type that `origin` names, under `key`."""

    origin: str
    key: str
    size: int


class _Unpickler(pickle.Unpickler):
    """Every name becomes an Inert, and every storage a Storage."""

    def __init__(self, file: Any) -> None:
        super().__init__(file, encoding="utf-8")
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        return Inert(f"{module}.{name}")

    def persistent_load(self, told: Any) -> Any:
        kind, named, key, _, size, *view = told
        if kind != "storage" or any(view) or not isinstance(key, str) or not isinstance(size, int):
            return Inert("an object outside of the pickle", (told,))
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


def weights(place: str, node: Any) -> dict[str, Inert]:
    """The tensors of a state_dict in a tree, by name; FeatsplitError at `place` where it names anything else at all."""
    if (name := foreign_name(node)) is not None:
        raise FeatsplitError(f"{place} names {name}; weights are tensors and nothing else, and nothing is run")
    items = node.items if isinstance(node, Inert) and node.origin == MAPPING else node
    if not isinstance(items, dict):
        raise FeatsplitError(f"{place} is no state_dict; must be tensors by name")
    tensors = {str(name): plain_tensor(value) for name, value in items.items()}
    for name, tensor in tensors.items():
        if tensor is None:
            raise FeatsplitError(f'{place}["{name}"] is no plain tensor; weights are tensors and nothing else')
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


def foreign_name(tree: Any) -> str | None:
    """A name in the tree that is none of those of plain tensors; None where there is no other."""
    return next((name for name in _names(tree) if name not in PLAIN), None)


def plain_tensor(node: Any) -> Inert | None:
    """The node of a tree that `TorchFile.tensors` reads, where `node` is a plain tensor or a parameter; else None."""
    if isinstance(node, Inert) and node.origin == PARAMETER and node.args:
        node = node.args[0]
    if isinstance(node, Inert) and node.origin == TENSOR and len(node.args) >= 4:
        storage, offset, shape, stride = node.args[:4]
        numbers = [offset, *shape, *stride]
        if isinstance(storage, Storage) and all(isinstance(number, int) and number >= 0 for number in numbers):
            return node
    return None


def kind_of(node: Any) -> str:
    """What `node` is a value of, in a word: Tensor, list, OrderedDict ..."""
    if plain_tensor(node) is not None:
        return "Tensor"
    return node.origin.rpartition(".")[2] if isinstance(node, Inert) else type(node).__name__


def _names(tree: Any) -> Iterator[str]:
    """Every name in the tree, in no order."""
    waiting, seen = [tree], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Inert):
            yield node.origin
            waiting += [node.args, node.items, node.rest]
        elif isinstance(node, Storage):
            yield node.origin
        elif isinstance(node, dict):
            waiting += [*node.keys(), *node.values()]
        elif isinstance(node, list | tuple | set | frozenset):
            waiting += node
