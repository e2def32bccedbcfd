"""A command is a function of records; here their fields become its options, and what the user gives the records.

    def train(*, data: DataSpec, training: Recipe = Recipe(), out: Annotated[Path, {"help": ...}]) -> None: ...

`with_options(train)` is what Typer takes. What an option says stands at the field (see `fields`); its default is that
of the parameter, so that `training: Recipe = Recipe(lr=0.05)` is a command with another one. Records are checked before
the command runs, and a FeatsplitError names the option where it would name the field.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING
from functools import wraps
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Protocol, Union, get_args, get_origin, runtime_checkable

import typer

from featsplit.commands.fields import Leaf, Place, argument, leaves_of
from featsplit.commands.texts import numbers, whole_numbers, words
from featsplit.errors import FeatsplitError, unknown

Value = str | int | float | bool | Path | None
"""What Typer reads; None where an option is not given. Of an option that takes a list, given again, all with commas."""
UNITS = {int: "NUMBER", float: "NUMBER", str: "TEXT", Path: "PATH"}
"""What the help calls the value of an option that has no unit of its own."""
FIELD = re.compile(r"(?<![\w/.-])(\w+)\.(?:\w+\.)*(\w+)")


@runtime_checkable
class Checked(Protocol):
    """A record that knows its ranges."""

    def check(self, place: str) -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """`command` as Typer takes it: an option in the place of each field of its records; the rest as it is."""
    parameters = inspect.signature(command, eval_str=True).parameters.values()
    leaves = {parameter.name: leaves_of(parameter) for parameter in parameters}
    options = dict[str, list[Leaf]]()
    for leaf in (leaf for of in leaves.values() for leaf in of):
        options.setdefault(leaf.name, []).append(leaf)

    @wraps(command)
    def called(**values: Any) -> None:
        with _flags_named(options):
            given = _given(options, {name: _joined(value) for name, value in values.items()})
            made = {p.name: argument(p, given) if leaves[p.name] else values[p.name] for p in parameters}
            for name, record in made.items():
                if isinstance(record, Checked):
                    record.check(name)
            command(**made)

    shown = _shown(list(parameters), leaves, options)
    called.__dict__["__signature__"] = inspect.Signature(shown)
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return called


def _shown(
    parameters: Sequence[inspect.Parameter], leaves: Mapping[str, list[Leaf]], options: Mapping[str, list[Leaf]]
) -> list[inspect.Parameter]:
    """The parameters that Typer sees, in the order in which they come up first."""
    found = dict[str, inspect.Parameter]()
    for parameter in parameters:
        if not leaves[parameter.name]:
            assert parameter.name not in options, f"two options of one name: {parameter.name}"
            found[parameter.name] = parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for leaf in leaves[parameter.name]:
            found.setdefault(leaf.name, _parameter(leaf.name, options[leaf.name]))
    return list(found.values())


def _given(options: Mapping[str, Sequence[Leaf]], values: Mapping[str, Value]) -> dict[Place, object]:
    """The values that were given, each at the places of those leaves that make use of it."""
    read = {
        name: _parsed(leaves[0], values[name]) if values[name] is not None else leaves[0].default
        for name, leaves in options.items()
    }
    found = dict[Place, object]()
    for name, leaves in options.items():
        if values[name] is None:
            continue
        users = [leaf for leaf in leaves if all(read[of.chooser] in of.names for of in leaf.owners)]
        if not users:
            wrong = [of for leaf in leaves for of in leaf.owners if read[of.chooser] not in of.names]
            first = options[wrong[0].chooser][0].flag
            names = " or ".join(dict.fromkeys(n for of in wrong if of.chooser == wrong[0].chooser for n in of.names))
            shown = "" if values[name] is True else f" {values[name]}"
            raise FeatsplitError(f"{leaves[0].flag}{shown}: belongs to {first} {names}")
        found |= dict.fromkeys((leaf.place for leaf in users), read[name])
    return found


@contextmanager
def _flags_named(options: Mapping[str, Sequence[Leaf]]) -> Iterator[None]:
    """Inside, a FeatsplitError that tells of "training.lr" tells of "--lr"."""
    flags = {(leaf.place[0], leaf.place[-1]): leaf.flag for leaves in options.values() for leaf in leaves}
    try:
        yield
    except FeatsplitError as error:
        message = FIELD.sub(lambda found: flags.get((found[1], found[2]), found[0]), str(error))
        raise FeatsplitError(message) from error


def _parsed(leaf: Leaf, value: Value) -> object:
    """A `value` of the command line as the leaf's type has it."""
    kind = _present(leaf.kind)
    if get_origin(kind) not in (Literal, tuple):
        return value
    assert isinstance(value, str), f"{leaf.flag}: is a text, which is parsed here"
    if get_origin(kind) is Literal:
        return _one_of(leaf, value, get_args(kind))
    element = get_args(kind)[0]
    if element is float:
        return tuple(numbers(value, leaf.flag))
    if element is int:
        return tuple(whole_numbers(value, leaf.flag))
    if get_origin(element) is Literal:
        return tuple(_one_of(leaf, word, get_args(element)) for word in words(value))
    return tuple(words(value)) or (None if kind is not leaf.kind else ())


def _joined(value: Any) -> Any:
    """What was given to an option that takes a list, in one text; any other value as it is."""
    return value if not isinstance(value, list) else ",".join(map(str, value)) if value else None


def _one_of(leaf: Leaf, value: str, names: tuple[str, ...]) -> str:
    if value in leaf.about.renamed:
        raise FeatsplitError(f'{leaf.flag} = "{value}": is called "{leaf.about.renamed[value]}" now')
    if value not in names:
        raise unknown(leaf.flag, value, names)
    return value


def _present(kind: Any) -> Any:
    """The type `kind` without None."""
    if get_origin(kind) not in (Union, UnionType):
        return kind
    return next(option for option in get_args(kind) if option is not NoneType)


def _parameter(name: str, leaves: list[Leaf]) -> inspect.Parameter:
    first, required = leaves[0], leaves[0].default is MISSING
    kind, unit = _present(first.kind), first.about.unit
    if get_origin(kind) in (Literal, tuple):
        unit = unit or ("|".join(get_args(kind)) if get_origin(kind) is Literal else None)
        kind = str if get_origin(kind) is Literal else list[str]
    elif kind in UNITS:
        unit = unit or UNITS[kind]
    option: Any = typer.Option(
        ... if required else None,
        first.about.flag or first.flag,
        help=_help(leaves),
        metavar=unit,
        min=first.about.min,
        rich_help_panel=first.group,
        show_default=False,
    )
    annotation = kind if required else kind | None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=annotation)


def _help(leaves: list[Leaf]) -> str:
    """What an option decides, and what it is where it is not given: for each use of it, where they differ."""
    texts = " ".join(dict.fromkeys(leaf.about.help for leaf in leaves))
    usual = dict[str, list[str]]()
    for leaf in leaves:
        usual.setdefault(_default(leaf), []).extend(name for of in leaf.owners[-1:] for name in of.names)
    if list(usual) == [""]:
        return texts
    several = [f"{text or 'none'} ({', '.join(dict.fromkeys(names))})" for text, names in usual.items()]
    return f"{texts} [default: {'; '.join(several) if len(several) > 1 else next(iter(usual))}]"


def _default(leaf: Leaf) -> str:
    """The default in words; empty where there is nothing to be said."""
    value = leaf.default
    if value is None:
        return leaf.about.default
    if value is MISSING or isinstance(value, bool):
        return ""
    if isinstance(value, tuple):
        return ",".join(f"{item:g}" if isinstance(item, float) else str(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
