"""A command is imported when it is asked for, so that `featsplit --help` costs no torch; and its help is in groups.

A command NAME-OF-IT is the function of that name in the module of that name, or the Typer `app` there.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from textwrap import wrap
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from featsplit.commands.listed import COMMANDS, GROUPS


class Lazy(TyperCommand):
    """A command that is known by its name alone until it is run, or asked for its help."""

    def make_context(self, *arguments: Any, **further: Any) -> Any:
        """The context of the command itself, which click then runs."""
        return command_of(str(self.name)).make_context(*arguments, **further)


class Grouped(TyperCommand):
    """A command whose help has its options under headings, with or without rich."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write each heading, in the order of the parameters, with what belongs to it; "Options" last."""
        sections = dict[str, list[Entry]]()
        for parameter in self.get_params(ctx):
            lines = parameter.get_help_record(ctx)
            if lines is not None and parameter.param_type_name == "argument":
                lines = (str(parameter.metavar or lines[0]), lines[1])  # without the type that some versions add
            if lines is not None:
                heading = getattr(parameter, "rich_help_panel", None) or f"{parameter.param_type_name}s".capitalize()
                sections.setdefault(heading, []).append(lines)
        _write(formatter, dict(sorted(sections.items(), key=lambda item: item[0] == "Options")))


class Sections(TyperGroup):
    """The command line as a whole, whose help has the commands under headings; what begins a section is `GROUPS`."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands by their headings, then the options of all of them."""
        sections = {heading: [(name, COMMANDS[name]) for name in names] for heading, names in GROUPS.items()}
        records = [parameter.get_help_record(ctx) for parameter in self.get_params(ctx)]
        _write(formatter, {**sections, "Options": [record for record in records if record is not None]})


Entry = tuple[str, str]
"""An option or a command, and what it is."""
LONGEST = 22
"""Columns of what stands before the explanation; a longer one has a line of its own."""


def _write(formatter: Any, sections: Mapping[str, Sequence[Entry]]) -> None:
    """Write the `sections`, each under its heading, all explanations in one column; names are never broken."""
    names = [name for entries in sections.values() for name, _ in entries]
    column = max(len(name) for name in names if len(name) <= LONGEST) + 4
    for heading, entries in sections.items():
        with formatter.section(heading):
            for name, text in entries:
                formatter.write(_entry(name, " ".join(text.split()), column, formatter.width) + "\n")


def _entry(name: str, text: str, column: int, width: int) -> str:
    """The `name`, and the `text` from `column` on, in lines of at most `width`."""
    first, further = f"  {name}".ljust(column), " " * column
    lines = wrap(text, width - column, break_on_hyphens=False) or [""]
    head = [first + lines[0], *lines[1:]] if len(first) == column else [first, *lines]
    return "\n".join([head[0], *(further + line for line in head[1:])]).rstrip()


def command_of(name: str) -> Any:
    """The command of click, of whichever version, that is called `name`."""
    from featsplit.commands.records import with_options

    attribute = name.replace("-", "_")
    module = import_module(f"featsplit.commands.{attribute}")
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    if isinstance(group := getattr(module, "app", None), typer.Typer):
        app.add_typer(group, name=name)
        whole: Any = typer.main.get_command(app)
        return whole.commands[name]
    app.command(name, cls=Grouped)(with_options(getattr(module, attribute)))
    return typer.main.get_command(app)
