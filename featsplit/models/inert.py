"""A file of torch.save as a tree of names and values: nothing that the file names is imported or called.

A pickle is a program: one instruction names a function, another calls it. Here every name, whatever it is, becomes
inert: it keeps what it is called with, and the program runs to its end and has done nothing. Tensors are then
read off the tree, each from its own bytes in the file, once it is known that the tree below holds nothing else.
"""

import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import Tensor

from featsplit.errors import FeatsplitError

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
WEIGHTS = {MAPPING, TENSOR, PARAMETER, *STORAGES}
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
    """What a file holds as a `tree` of plain values and Inert, how to read a storage, and its length in bytes."""

    tree: Any
    read: Callable[[Storage], bytes]
    length: int

    def tensor(self, node: Any) -> Tensor:
        """The tensor that `node`, one of the tensors of `weights`, stands for; the file is read now."""
        storage, offset, shape, stride = node.args[:4]
        dtype = STORAGES[storage.origin]
        size = storage.size * dtype.itemsize
        content = bytearray(self.read(storage)) if size <= self.length else b""  # before memory is taken for it
        if len(content) != size:
            raise EOFError(f"storage {storage.key} is not what it should be")
        return torch.frombuffer(content, dtype=dtype).as_strided(shape, stride, offset).clone()


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
    return TorchFile(tree, lambda storage: archive.read(f"{folder}data/{storage.key}"), length)


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

    def read(storage: Storage) -> bytes:
        start, size = places[storage.key]
        file.seek(start)
        return file.read(size)

    return TorchFile(tree, read, length)


def weights(place: str, node: Any) -> dict[str, Inert]:
    """The tensors of a state_dict in a tree, by name; FeatsplitError at `place` where it names anything else at all."""
    for name in _names(node):
        if name not in WEIGHTS:
            raise FeatsplitError(f"{place} names {name}; weights are tensors and nothing else, and nothing is run")
    items = node.items if isinstance(node, Inert) and node.origin == MAPPING else node
    if not isinstance(items, dict):
        raise FeatsplitError(f"{place} is no state_dict; must be tensors by name")
    return {str(name): _tensor(f'{place}["{name}"]', value) for name, value in items.items()}


def _tensor(place: str, node: Any) -> Inert:
    if isinstance(node, Inert) and node.origin == PARAMETER and node.args:
        node = node.args[0]
    if isinstance(node, Inert) and node.origin == TENSOR and len(node.args) >= 4:
        storage, offset, shape, stride = node.args[:4]
        numbers = [offset, *shape, *stride]
        if isinstance(storage, Storage) and all(isinstance(number, int) and number >= 0 for number in numbers):
            return node
    raise FeatsplitError(f"{place} is no plain tensor; weights are tensors and nothing else")


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
