"""What a pickle's names become, and which of them are tensors: nothing that a file names is imported or called."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch

from featsplit.errors import FeatsplitError

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


class Inert(type):
    """What stands for a name in the file, and for whatever comes of calling it: a class, since a pickle asks for one.

    `origin` is the name, `args` what it was called with, `items` what was set in it by
    key, and `rest` all else that it was given. Calling it, or making an object of it, gives another of these.
    """

    origin: str
    args: tuple[Any, ...]
    items: dict[Any, Any]
    rest: list[Any]

    def __new__(cls, origin: str, *_: Any) -> "Inert":
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
