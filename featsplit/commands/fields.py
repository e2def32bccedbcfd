"""The options that a parameter of a command stands for: one for each field of a settings record that has a help text.

A field says in its `metadata`, a parameter of another kind in `Annotated[kind, {...}]`, what `About` has fields for.

A union of records, such as `Adversary | None`, is an option of the union's name: each record begins with a Literal, its
names, which choose it; "none" chooses None.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from inspect import Parameter
from types import MappingProxyType, NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

NONE = "none"
Place = tuple[str, ...]


class About(NamedTuple):
    """What a field or a parameter says of its option.

    help      what it decides; a field without it is no option
    flag      "--data" where it is not the name itself; "--nesterov/--no-nesterov" for a truth value with both
    unit      what stands for the value in the help: "FILE", "PIXELS"
    default   what None stands for, in words: "2.5 eps / steps"
    group     the heading that it stands under, and what is inside of it; else the name of the parameter
    min       the least whole number
    of        inside of a record that a name chooses: the names that make use of it
    renamed   by names of versions before, what is said in their place
    """

    help: str = ""
    flag: str | None = None
    unit: str | None = None
    default: str = ""
    group: str | None = None
    min: int | None = None
    of: tuple[str, ...] | None = None
    renamed: Mapping[str, str] = MappingProxyType({})


class Of(NamedTuple):
    """Of an option, or in `Annotated` of all options of a record: it belongs to these `names` of option `chooser`."""

    chooser: str
    names: tuple[str, ...]


class Only(NamedTuple):
    """In `Annotated`, of a record: only these of its fields are options."""

    names: tuple[str, ...]


class Leaf(NamedTuple):
    """A value of a command: where it goes, its type, default (MISSING: none), metadata, heading, and what it is of."""

    place: Place
    kind: Any
    default: object
    about: About
    group: str
    owners: tuple[Of, ...] = ()

    @property
    def flag(self) -> str:
        """As the user writes it."""
        return (self.about.flag or "--" + self.place[-1].replace("_", "-")).split("/")[0]

    @property
    def name(self) -> str:
        """The name of the option: two leaves of one name have their value from one option."""
        return self.flag.removeprefix("--").replace("-", "_")


def leaves_of(parameter: Parameter) -> list[Leaf]:
    """The values that `parameter` is made of; none where it is not one of ours, but Typer's."""
    kind, marks = _split(parameter.annotation)
    default = MISSING if parameter.default is Parameter.empty else parameter.default
    group = parameter.name.capitalize()
    owners = tuple(mark for mark in marks if isinstance(mark, Of))
    only = next((mark.names for mark in marks if isinstance(mark, Only)), None)
    if is_dataclass(kind):
        found = _leaves(kind, (parameter.name,), default, group, owners)
        return [leaf for leaf in found if only is None or leaf.place[1] in only]
    about = next((mark for mark in marks if isinstance(mark, Mapping)), None)
    return (
        []
        if about is None
        else [_leaf((parameter.name,), kind, default, _about(about, (parameter.name,)), "Options", owners)]
    )


def argument(parameter: Parameter, given: Mapping[Place, object]) -> Any:
    """What the command gets as `parameter`: its default with the `given` values put in, each at its place."""
    kind, _ = _split(parameter.annotation)
    default = MISSING if parameter.default is Parameter.empty else parameter.default
    if is_dataclass(kind):
        return _record(kind, (parameter.name,), default, given)
    return given.get((parameter.name,), default)


def changed_flags(record: Any, usual: Any) -> list[str]:
    """The options of those fields in which `record` is not like `usual`, a record of the same type without others."""
    changed = [field for field in fields(record) if getattr(record, field.name) != getattr(usual, field.name)]
    return [
        Leaf((field.name,), field.type, MISSING, _about(field.metadata, (field.name,)), "").flag for field in changed
    ]


def members(kind: Any) -> "dict[str, type[DataclassInstance] | None]":
    """The records of a union of records by the names that choose them, and None by "none"; empty for another type."""
    if get_origin(kind) not in (Union, UnionType):
        return {}
    records = [option for option in get_args(kind) if isinstance(option, type) and is_dataclass(option)]
    found: dict[str, type[DataclassInstance] | None] = {}
    if records and NoneType in get_args(kind):
        found[NONE] = None
    for record in records:
        found |= dict.fromkeys(get_args(get_type_hints(record)[fields(record)[0].name]), record)
    return found


def _split(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    kind, *marks = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    return kind, tuple(marks)


def _about(metadata: Mapping[str, Any], place: Place) -> About:
    """The `metadata` of a field or parameter, which nothing else has typed."""
    assert set(metadata) <= set(About._fields), f"{'.'.join(place)}: {set(metadata) - set(About._fields)}"
    return About(**metadata)


def _leaf(place: Place, kind: Any, default: object, about: About, group: str, owners: tuple[Of, ...]) -> Leaf:
    if about.of is not None:
        owners = (*owners[:-1], owners[-1]._replace(names=about.of))
    return Leaf(place, kind, default, about, about.group or group, owners)


def _leaves(kind: Any, place: Place, default: object, group: str, owners: tuple[Of, ...]) -> Iterator[Leaf]:
    """The leaves of the record `kind`; `default` is one of it, or MISSING."""
    hints = get_type_hints(kind)
    for field in fields(kind):
        hint, spot, usual = hints[field.name], (*place, field.name), _usual(field, default)
        about = _about(field.metadata, spot)
        inner = about.group or group
        if is_dataclass(hint):
            yield from _leaves(hint, spot, usual, inner, owners)
        elif not about.help:
            continue
        elif by_name := members(hint):
            chooser = _leaf(spot, Literal[*by_name], _chosen(usual), about, group, owners)
            yield chooser
            for record in dict.fromkeys(by_name.values()):
                names = tuple(name for name, other in by_name.items() if other is record)
                mine = usual if type(usual) is record else MISSING
                if record is not None:
                    yield from _leaves(record, spot, mine, inner, (*owners, Of(chooser.name, names)))
        else:
            yield _leaf(spot, hint, usual, about, group, owners)


def _record(kind: Any, place: Place, default: Any, given: Mapping[Place, object]) -> Any:
    """A record `kind` like `default` (MISSING: like its own defaults) but for what is `given` below `place`."""
    hints, changes = get_type_hints(kind), dict[str, object]()
    for field in (field for field in fields(kind) if field.init):
        hint, spot, usual = hints[field.name], (*place, field.name), _usual(field, default)
        if is_dataclass(hint):
            changes[field.name] = _record(hint, spot, usual, given)
        elif by_name := members(hint):
            name = str(given.get(spot, _chosen(usual)))
            record, own = by_name[name], usual if type(usual) is by_name[name] else MISSING
            first = {} if record is None else {(*spot, fields(record)[0].name): name}
            changes[field.name] = None if record is None else _record(record, spot, own, {**given, **first})
        elif spot in given:
            changes[field.name] = given[spot]
    return kind(**changes) if default is MISSING else replace(default, **changes)


def _usual(field: "Field[Any]", default: object) -> object:
    if default is not MISSING:
        return getattr(default, field.name)
    return field.default if field.default_factory is MISSING else field.default_factory()


def _chosen(record: Any) -> str:
    """The name that chooses `record`."""
    return NONE if record is None else str(getattr(record, fields(record)[0].name))
