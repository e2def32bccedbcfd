"""Plain data (TOML, `--set key=value`) to frozen dataclasses, by errors that name the key and its rule; and back."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from featsplit.errors import FeatsplitError, unknown
from featsplit.metadata.plain import Fields, Json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
RENAMED = {"paper": "normalised"}
"""Words of versions before, and what is said in their place."""


def record(kind: type[T], mapping: Fields, place: str) -> T:
    """A dataclass `kind` from `mapping`; FeatsplitError for an unknown key or a value of another type."""
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind) if field.init]
    for key in mapping:
        if key not in names:
            raise unknown(f"{place}: key" if place else "key", key, names)
    for field in fields(kind):
        if field.name not in mapping and field.default is MISSING and field.default_factory is MISSING:
            raise FeatsplitError(f"{f'{place}.{field.name}'.lstrip('.')}: is missing; it has no default")
    return kind(**{key: _value(hints[key], value, f"{place}.{key}".lstrip(".")) for key, value in mapping.items()})


def _value(kind: Any, value: Json, place: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if value is None:
            return None
        options = [option for option in arguments if option is not type(None)]
        if set(options) == {str, int}:  # a name, or a number in its place: kept as it would be written as a name
            return str(value) if type(value) is int else _plain(str, value, place)
        return _value(options[0], value, place) if len(options) == 1 else _tagged(options, value, place)
    if origin is Literal:
        if value not in arguments:
            raise unknown(place, str(value), arguments)
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise _wrong(place, value, "a list")
        if arguments[-1] is not Ellipsis and len(value) != len(arguments):
            raise _wrong(place, value, f"a list of {len(arguments)}")
        return tuple(_value(arguments[0], item, f"{place}[{row}]") for row, item in enumerate(value))
    if is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, Mapping):
            raise _wrong(place, value, "a table")
        return record(kind, value, place)
    return _plain(kind, value, place)


def _tagged(kinds: list[Any], value: Json, place: str) -> Any:
    """The record, of several `kinds`, that the `name` of the table `value` says: the one whose own name it is."""
    if not isinstance(value, Mapping):
        raise _wrong(place, value, "a table")
    named = {kind.name: kind for kind in kinds}
    name = value.get("name")
    if name is None:
        raise FeatsplitError(f"{place}.name: is missing; it must be one of {', '.join(named)}")
    if name in RENAMED:
        raise FeatsplitError(f'{place}.name = "{name}": is called "{RENAMED[name]}" now')
    if name not in named:
        raise unknown(f"{place}.name", str(name), named)
    return record(named[name], {key: item for key, item in value.items() if key != "name"}, place)


def _plain(kind: type, value: Json, place: str) -> Json:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise _wrong(
            place,
            value,
            {"int": "a whole number", "float": "a number", "bool": "true or false"}.get(kind.__name__, "a text"),
        )
    return value


def _wrong(place: str, value: Json, rule: str) -> FeatsplitError:
    return FeatsplitError(f"{place} = {value!r}: must be {rule}")


def overridden(mapping: Fields, settings: Sequence[str]) -> Fields:
    """`mapping` with each "section.key=value" of `settings` put in; values as TOML, or plain text."""
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals or not path.strip():
            raise FeatsplitError(f'--set "{setting}": write it as section.key=value, such as perturb.eps=0.5')
        mapping = _put(mapping, path.strip().split("."), _parsed(text.strip()))
    return mapping


def _put(mapping: Fields, keys: Sequence[str], value: Json) -> Fields:
    if len(keys) == 1:
        return {**mapping, keys[0]: value}
    inner = mapping.get(keys[0], {})
    if not isinstance(inner, Mapping):
        raise FeatsplitError(f"--set {'.'.join(keys)}: {keys[0]} is a value, not a section")
    return {**mapping, keys[0]: _put(inner, keys[1:], value)}


def _parsed(text: str) -> Json:
    try:
        value: Json = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return value


def as_toml(mapping: Fields, place: str = "") -> str:
    """TOML of nested mappings of texts, numbers, truth values and lists of these, as `tomllib` reads it back.

    Keys are names of fields. What is None is left out: TOML has no word for it, and it is such a field's default.
    """
    values = {key: value for key, value in mapping.items() if value is not None and not isinstance(value, Mapping)}
    lines = [f"{key} = {_as_toml(value, f'{place}.{key}'.lstrip('.'))}\n" for key, value in values.items()]
    tables = [
        f"\n[{name}]\n{as_toml(value, name)}"
        for key, value in mapping.items()
        if isinstance(value, Mapping) and (name := f"{place}.{key}".lstrip("."))
    ]
    return "".join([*lines, *tables])


def _as_toml(value: Json, place: str) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(_as_toml(item, place) for item in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise FeatsplitError(f"{place} = {value!a}: is no text in UTF-8, as settings must be; rename it") from error
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def flat(mapping: Fields, place: str = "") -> Fields:
    """Nested settings as one level, "train.rand.lr"."""
    found = dict[str, Json]()
    for key, value in mapping.items():
        name = f"{place}.{key}".lstrip(".")
        found |= flat(value, name) if isinstance(value, Mapping) else {name: value}
    return found
