"""A command is imported when it is asked for, so that `featsplit --help` costs no torch; and its help is in groups.

A command NAME-OF-IT is the function of that name in the module of that name, or the Typer `app` there.
"""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand


class Lazy(TyperCommand):
    """A command that is known by its name alone until it is run, or asked for its help."""

    def make_context(self, *arguments: Any, **further: Any) -> Any:
        """The context of the command itself, which click then runs."""
        return command_of(str(self.name)).make_context(*arguments, **further)


class Grouped(TyperCommand):
    """A command whose help has its options under headings, with or without rich."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write each heading, in the order of the parameters, with what belongs to it; "Options" last."""
        sections = dict[str, list[tuple[str, str]]]()
        for parameter in self.get_params(ctx):
            lines = parameter.get_help_record(ctx)
            if lines is not None:
                heading = getattr(parameter, "rich_help_panel", None) or f"{parameter.param_type_name}s".capitalize()
                sections.setdefault(heading, []).append(lines)
        for heading, lines_of in sorted(sections.items(), key=lambda item: item[0] == "Options"):
            with formatter.section(heading):
                formatter.write_dl(lines_of)


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
