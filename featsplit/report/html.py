"""A page as one HTML file that needs no other: plots as SVG, pictures as data, style and script in it.

All of it can be read without the script; `page.js` makes of it what can be sorted, copied and stepped through.
"""

import base64
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from featsplit.report.blocks import Block, Brief, Code, Folded, Heading, Link, Links, Picture, Plot, Shown, Table, Text
from featsplit.report.cells import Cells

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


@cache
def packaged(name: str) -> str:
    """The text of the file called `name` that lies beside this module."""
    return (files("featsplit.report") / name).read_text(encoding="utf-8")


def _joined(blocks: Sequence[Block], folder: Path) -> str:
    return "\n".join(_html(block, folder) for block in blocks if not isinstance(block, Brief))


def _html(block: Shown, folder: Path) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Text(text):
            return f"<p>{escape(text)}</p>"
        case Table(cells, _, caption):
            return _table(cells, caption)
        case Plot(_, drawing, says):
            svg, label = drawing(), escape(block.alternative)
            shown = svg[svg.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
            return f"<figure>{shown}<figcaption>{escape(says)}</figcaption></figure>"
        case Picture(path, says):
            data = base64.b64encode((folder / path).read_bytes()).decode()
            image = f'<img alt="{escape(says)}" src="data:image/png;base64,{data}">'
            return f"<figure>{image}<figcaption>{escape(says)}</figcaption></figure>"
        case Code(text):
            return f"<pre>{escape(text)}</pre>"
        case Links(places):
            return f"<ul>{''.join(_links(where, links) for where, links in places.items())}</ul>"
        case Folded(title, blocks):
            return f"<details><summary>{escape(title)}</summary>\n{_joined(blocks, folder)}\n</details>"


def _links(where: str, links: Sequence[Link]) -> str:
    named = ", ".join(f'<a href="{escape(quote(path))}">{escape(name)}</a>' for name, path in links)
    return f"<li>{escape(where)}: {named}</li>"


def _table(cells: Cells, caption: str) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in cells[0])
    lines = ["".join(_cell(cell) for cell in line) for line in cells[1:]]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="wide"><table>{said}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(cell: str) -> str:
    kind = {"pass": "good", "holds": "good", "off": "bad", "does not hold": "bad"}.get(cell)
    kind = kind or ("long" if len(cell) > LONG else None)
    return f'<td class="{kind}">{escape(cell)}</td>' if kind else f"<td>{escape(cell)}</td>"
