"""Docstrings of this package as reStructuredText: they are plain text with `code` and lists of "- name: what it is".

Such a list says the arguments of a function, or the fields of a record, and becomes a field list. Everything else that
would be markup (a star, a bar, an underscore at the end of a word) is text and stays so.
"""

import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

import featsplit

ITEM = re.compile(r"^- (\w+(?:, \w+)*): (.*)$")


def rewrite(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Put the docstring in `lines` into reStructuredText, in place."""
    lines[:] = [*marked_up(lines), *fields_of(thing)]


def marked_up(lines: Iterable[str]) -> list[str]:
    """The lines of a docstring as reStructuredText."""
    return [found for line in lines for found in _fields(line)]


def fields_of(record: object) -> list[str]:
    """A field list of what the options of a record say of themselves."""
    options = fields(record) if isinstance(record, type) and is_dataclass(record) else ()
    said = [(one.name, str(one.metadata["help"])) for one in options if "help" in one.metadata]
    return ["", *(f":param {name}: {_inline(help)}" for name, help in said)] if said else []


def link(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement) -> nodes.Node | None:
    """A reference to the public name that a type annotation means by the module that defines it."""
    name = public_names().get(str(node.get("reftarget", "")))
    found: Any = env.domaindata["py"]["objects"].get(f"featsplit.{name}")
    if name is None or found is None or app.builder is None:
        return None
    place = str(node.get("refdoc", found.docname))
    return make_refnode(app.builder, place, found.docname, found.node_id, content, name)


def public_names() -> dict[str, str]:
    """The public name of what is defined as featsplit.MODULE.NAME."""
    return {
        f"{thing.__module__}.{thing.__qualname__}": name
        for name, home in featsplit._HOMES.items()
        if hasattr(thing := getattr(import_module(f"featsplit.{home}"), name), "__qualname__")
    }


def _fields(line: str) -> list[str]:
    """A line of a list as fields: of several names the last has the text."""
    item = ITEM.match(line)
    if not item:
        return [_inline(line)]
    *others, last = item[1].split(", ")
    return [*(f":param {name}: see the next." for name in others), f":param {last}: {_inline(item[2])}"]


def _inline(line: str) -> str:
    """A line with `code` as literals, and nothing else that is markup."""
    parts = line.split("`")
    if len(parts) % 2 == 0:
        return line
    texts = [re.sub(r"([*|\\]|(?<=\w)_(?!\w))", r"\\\1", part) for part in parts[::2]]
    return "".join(
        text + code for text, code in zip(texts, [*(f"``{code}``" for code in parts[1::2]), ""], strict=True)
    )
