"""JSON values with types, and what a file's JSON is expected to be: each function gives the value, or refuses it."""

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | float | int | bool | None"
Fields: TypeAlias = Mapping[str, Json]


def as_json(fields: Mapping[str, object]) -> Fields:
    """`fields` as they come back from a file: a tuple is a list; TypeError where one is no JSON value."""
    return mapping(json.loads(json.dumps(fields)))


def mapping(value: Json) -> Fields:
    """`value` where it is a mapping; TypeError where it is not."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{_shown(value)} is no mapping")
    return dict(value)


def sequence(value: Json) -> Sequence[Json]:
    """`value` where it is a list; TypeError where it is not."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"{_shown(value)} is no list")
    return value


def text(value: Json) -> str:
    """`value` where it is a text; TypeError where it is not."""
    if not isinstance(value, str):
        raise TypeError(f"{_shown(value)} is no text")
    return value


def texts(value: Json) -> tuple[str, ...]:
    """`value` where it is a list of texts; TypeError where it is not."""
    return tuple(map(text, sequence(value)))


def whole(value: Json) -> int:
    """`value` where it is a whole number; TypeError where it is not."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{_shown(value)} is no whole number")
    return value


def number(value: Json) -> float:
    """`value` where it is a number; TypeError where it is not."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{_shown(value)} is no number")
    return float(value)


def numbers(value: Json) -> dict[str, float]:
    """`value` where it is numbers by name; TypeError where it is not."""
    return {name: number(item) for name, item in mapping(value).items()}


def names(value: Json) -> dict[str, str]:
    """`value` where it is texts by name; TypeError where it is not."""
    return {name: text(item) for name, item in mapping(value).items()}


def _shown(value: Json) -> str:
    return json.dumps(value)[:40]
