"""A page as one HTML file that needs no other: plots as SVG, pictures as data, style and script in it.

All of it can be read without the script; `page.js` makes of it what can be sorted, copied and stepped through.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from urllib.parse import quote

from featsplit.report.blocks import (
    Block,
    Brief,
    Code,
    Explorer,
    Folded,
    Heading,
    Link,
    Links,
    Picture,
    Plot,
    Shown,
    Table,
    Text,
)
from featsplit.report.explorer import explorer_html
from featsplit.report.packaged import packaged

NUMBER = re.compile(r"[-+±]?\.?\d")
LONG = 40
"""Letters from which on the text of a cell is broken into lines."""


def as_html(blocks: Sequence[Block], folder: Path) -> str:
    """The blocks as one HTML file that needs no other: plots inlined as SVG, pictures of `folder` as data."""
    title = next(block.text for block in blocks if isinstance(block, Heading))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{packaged('page.css')}</style>\n</head>\n<body>\n<main>\n"
        f"{_joined(blocks, folder)}\n</main>\n<script>\n{packaged('page.js')}</script>\n</body>\n</html>\n"
    )


def with_images(blocks: Sequence[Block], images: int | None) -> list[Block]:
    """The blocks with that many images of each set to step through; None: as many as are small enough."""
    return [replace(block, images=images) if isinstance(block, Explorer) else block for block in blocks]


def _joined(blocks: Sequence[Block], folder: Path) -> str:
    return "\n".join(_html(block, folder) for block in blocks if not isinstance(block, Brief))


def _html(block: Shown, folder: Path) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Text(text):
            return f"<p>{escape(text)}</p>"
        case Table():
            return _table(block)
        case Plot(_, drawing, says):
            svg, label = drawing(), escape(block.alternative)
            shown = svg[svg.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
            return f'<figure tabindex="0">{shown}<figcaption>{escape(says)}</figcaption></figure>'
        case Picture(path, says):
            data = base64.b64encode((folder / path).read_bytes()).decode()
            image = f'<img alt="{escape(says)}" src="data:image/png;base64,{data}">'
            return f'<figure tabindex="0">{image}<figcaption>{escape(says)}</figcaption></figure>'
        case Code(text):
            return f'<pre tabindex="0">{escape(text)}</pre>'
        case Explorer():
            return explorer_html(block, folder)
        case Links(places):
            return f"<ul>{''.join(_links(where, links) for where, links in places.items())}</ul>"
        case Folded(title, blocks):
            return f"<details><summary>{escape(title)}</summary>\n{_joined(blocks, folder)}\n</details>"


def _links(where: str, links: Sequence[Link]) -> str:
    named = ", ".join(f'<a href="{escape(quote(path))}">{escape(name)}</a>' for name, path in links)
    return f"<li>{escape(where)}: {named}</li>"


def _table(table: Table) -> str:
    words = [_is_words(column) for column in zip(*table.cells[1:], strict=True)] or [False] * len(table.cells[0])
    kinds = [' class="words"' if is_words else "" for is_words in words]
    head = "".join(
        f'<th scope="col"{kind}>{escape(cell)}</th>' for cell, kind in zip(table.cells[0], kinds, strict=True)
    )
    body = "".join(f"<tr>{_line(line, words)}</tr>" for line in table.cells[1:])
    said = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    label = escape(table.caption or f"Table: {', '.join(table.cells[0][:3])}")
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{label}"><table{" data-sortable" * table.sortable}>'
        f"{said}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _is_words(column: Sequence[str]) -> bool:
    """Whether no cell of a column begins as a number does: it is then read from the left."""
    return any(column) and not any(NUMBER.match(cell) for cell in column)


def _line(line: Sequence[str], words: Sequence[bool]) -> str:
    """A line of a table, which its first cell names; which columns are `words`."""
    kind = ' class="long"' if len(line[0]) > LONG else ""
    cells = (_cell(cell, is_words) for cell, is_words in zip(line[1:], words[1:], strict=True))
    return f'<th scope="row"{kind}>{escape(line[0])}</th>{"".join(cells)}'


def _cell(cell: str, is_words: bool) -> str:
    kind = {"pass": "good", "holds": "good", "off": "bad", "does not hold": "bad"}.get(cell)
    kind = kind or ("long" if len(cell) > LONG else "")
    kinds = " ".join(filter(None, [kind, "words" if is_words else ""]))
    return f'<td class="{kinds}">{escape(cell)}</td>' if kinds else f"<td>{escape(cell)}</td>"
