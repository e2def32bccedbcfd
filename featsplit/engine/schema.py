"""The settings of the studies as a JSON schema, for editors and other programs, and as tables for people.

Both are made from the records themselves: types, defaults, the choices of a Literal, and the help of an option. Each
record stands in them once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from inspect import getdoc
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from featsplit.engine.settings import as_toml
from featsplit.metadata.plain import as_json

Schema = dict[str, Any]
PLAIN: Mapping[Any, tuple[str, str]] = {
    bool: ("boolean", "true or false"),
    int: ("integer", "whole number"),
    float: ("number", "number"),
    str: ("string", "text"),
}
"""What types are called in a schema, and for people."""


class Setting(NamedTuple):
    """A setting by its `name` in a table, with its `kind` in words, its default as TOML has it, and what it says.

    `records` are the kinds of table that it may be.
    """

    name: str
    kind: str
    default: str
    help: str
    records: tuple[Any, ...]


class Schemas:
    """The schemas of records, each of them once, under `defs`."""

    def __init__(self) -> None:
        self.defs: dict[str, Schema] = {}

    def of(self, kind: Any) -> Schema:
        """The schema of a type that a record's field has."""
        origin, arguments = get_origin(kind), get_args(kind)
        if origin in (Union, UnionType):
            options = [self.of(option) for option in arguments if option is not NoneType]
            return options[0] if len(options) == 1 else {"anyOf": options}
        if origin is Literal:
            return {"enum": list(arguments)}
        if origin is tuple:
            return {"type": "array", "items": self.of(arguments[0])}
        if is_dataclass(kind):
            name = name_of(kind)
            if name not in self.defs:
                self.defs[name] = {}
                self.defs[name] = self.record(kind)
            return {"$ref": f"#/$defs/{name}"}
        return {"type": PLAIN[kind][0]}

    def record(self, kind: Any) -> Schema:
        """The schema of a record itself: nothing else may be in it, and what has no default must be."""
        hints = get_type_hints(kind)
        found: Schema = {"type": "object", "description": summary_of(kind), "additionalProperties": False}
        found["properties"] = {item.name: self._field(hints[item.name], item) for item in fields(kind)}
        found["required"] = [item.name for item in fields(kind) if item.init and _is_required(item)]
        return found

    def _field(self, hint: Any, item: "Field[Any]") -> Schema:
        own = self.of(hint)
        if item.default is not MISSING and item.default is not None and not is_dataclass(item.default):
            own = {**own, "default": as_json({"default": item.default})["default"]}
        return {**own, "description": str(item.metadata["help"])} if "help" in item.metadata else own


def with_shared(schema: Schema, networks: Sequence[str], recipe: Schema) -> Schema:
    """The `schema` of a table for each of `networks`, which may hold beside them what they share of a `recipe`."""
    shared = {**recipe["properties"], **{name: schema["properties"][name] for name in networks}}
    return {**schema, "properties": shared, "required": []}


def settings_of(kind: Any) -> Iterator[Setting]:
    """Each setting of a record."""
    hints = get_type_hints(kind)
    for item in fields(kind):
        hint = hints[item.name]
        help = str(item.metadata.get("help", ""))
        yield Setting(item.name, kind_in_words(hint), _default(item), help, tuple(records_in(hint)))


def kind_in_words(kind: Any) -> str:
    """A type as a reader of TOML knows it: "number", "list of texts", "`pgd` or `fgsm`", the name of a record."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(kind_in_words(option) for option in arguments if option is not NoneType))
    if origin is Literal:
        return " or ".join(f"`{one}`" for one in arguments)
    if origin is tuple:
        return f"list of {kind_in_words(arguments[0])}s"
    return name_of(kind) if is_dataclass(kind) else PLAIN[kind][1]


def records_in(kind: Any) -> list[Any]:
    """The records that a value of this type may be."""
    options = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return [option for option in options if is_dataclass(option)]


def name_of(kind: Any) -> str:
    """What a record is called: one of a study's own with its study before it."""
    package, _, rest = kind.__module__.partition("featsplit.studies.")
    study = rest.partition(".")[0] if not package and "." in rest else ""
    return f"{study}.{kind.__name__}" if study else str(kind.__name__)


def summary_of(kind: Any) -> str:
    """What the docstring of a record says, in one line."""
    return " ".join((getdoc(kind) or "").split())


def _is_required(item: "Field[Any]") -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def _default(item: "Field[Any]") -> str:
    if _is_required(item):
        return "it must be given"
    value = item.default if item.default_factory is MISSING else item.default_factory()
    if value is None:
        return str(item.metadata.get("default", "")) or "not set"
    if is_dataclass(value):
        return f"{name_of(type(value))}'s"
    return f"`{as_toml(as_json({'v': value})).strip()[len('v = ') :]}`"
