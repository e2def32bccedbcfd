"""A page as a list of blocks, and the same page as Markdown and as one self-contained HTML file."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from featsplit.files import replacing
from featsplit.report.cells import Cells, as_markdown, as_text

Drawing = Callable[[], str]
"""Gives SVG as text."""


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the page's own."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Table:
    """A table, its first line the head; `main` is the one by which runs are compared."""

    cells: Cells
    main: bool = False


@dataclass(frozen=True)
class Plot:
    """A drawing in SVG, made when a page is written, and kept beside the Markdown page as `stem`.svg."""

    stem: str
    drawing: Drawing
    says: str


@dataclass(frozen=True)
class Picture:
    """A PNG at `path`, relative to the page, with what it shows."""

    path: str
    says: str


@dataclass(frozen=True)
class Code:
    """A command or a file, as it is."""

    text: str


@dataclass(frozen=True)
class Brief:
    """What a terminal of 80 columns shows of the page; the page itself has it at greater length."""

    text: str


Shown = Heading | Text | Table | Plot | Picture | Code
Block = Shown | Brief


def as_terminal(blocks: Sequence[Block]) -> str:
    """The headings, texts and tables among the blocks, for a terminal."""
    shown = [block for block in blocks if isinstance(block, Heading | Text | Table)]
    return "\n\n".join(as_text(block.cells) if isinstance(block, Table) else block.text for block in shown)


def in_brief(blocks: Sequence[Block]) -> str:
    """What a terminal shows of the page, by its `Brief` blocks."""
    return "\n\n".join(block.text for block in blocks if isinstance(block, Brief))


def as_page(blocks: Sequence[Block], folder: Path) -> str:
    """The blocks as Markdown; plots are written to `folder`/plots."""
    return "\n\n".join(_markdown(block, folder) for block in blocks if not isinstance(block, Brief)) + "\n"


def _markdown(block: Shown, folder: Path) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {text}"
        case Text(text):
            return text
        case Table(cells, _):
            return as_markdown(cells)
        case Plot(stem, drawing, says):
            path = folder / "plots" / f"{stem}.svg"
            path.parent.mkdir(exist_ok=True)
            path.write_text(drawing().replace("currentColor", "#222222"))
            return f"![{says}](plots/{stem}.svg)"
        case Picture(path, says):
            return f"![{says}]({path})"
        case Code(text):
            return f"```\n{text}\n```"


def as_html(blocks: Sequence[Block], folder: Path) -> str:
    """The blocks as one HTML file that needs no other: plots inlined as SVG, pictures of `folder` as data."""
    title = next(block.text for block in blocks if isinstance(block, Heading))
    body = "\n".join(_html(block, folder) for block in blocks if not isinstance(block, Brief))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n"
        "</html>\n"
    )


def write_page(blocks: Sequence[Block], folder: Path) -> None:
    """Write `folder`/report.md and `folder`/report.html."""
    for name, text in (("report.md", as_page(blocks, folder)), (PAGE, as_html(blocks, folder))):
        with replacing(folder / name) as partial:
            partial.write_text(text)


def _html(block: Shown, folder: Path) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Text(text):
            return f"<p>{escape(text)}</p>"
        case Table(cells, _):
            return _table(cells)
        case Plot(_, drawing, says):
            svg = drawing()
            shown = svg[svg.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{escape(says)}"', 1)
            return f"<figure>{shown}<figcaption>{escape(says)}</figcaption></figure>"
        case Picture(path, says):
            data = base64.b64encode((folder / path).read_bytes()).decode()
            image = f'<img alt="{escape(says)}" src="data:image/png;base64,{data}">'
            return f"<figure>{image}<figcaption>{escape(says)}</figcaption></figure>"
        case Code(text):
            return f"<pre>{escape(text)}</pre>"


def _table(cells: Cells) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in cells[0])
    lines = ["".join(_cell(cell) for cell in line) for line in cells[1:]]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(cell: str) -> str:
    kind = {"pass": "good", "holds": "good", "off": "bad", "does not hold": "bad"}.get(cell)
    kind = kind or ("long" if len(cell) > LONG else None)
    return f'<td class="{kind}">{escape(cell)}</td>' if kind else f"<td>{escape(cell)}</td>"


PAGE = "report.html"
LONG = 40
"""Letters from which on the text of a cell is broken into lines."""
STYLE = """\
:root { color-scheme: light dark; --ink: #1d1f23; --quiet: #5c6370; --line: #d9dce1; --paper: #ffffff; --wash: #f4f5f7;
  --good: #17693a; --bad: #a3262a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e6ea; --quiet: #a0a7b4; --line: #3a3f48; --paper: #16181c;
  --wash: #202329; --good: #6fcf97; --bad: #f28b82; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; border-top: 1px solid var(--line); padding-top: 1.25rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p { max-width: 46rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .75rem .3rem 0; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--quiet); font-weight: 600; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; min-width: 9rem; }
td:not(:first-child) { white-space: nowrap; }
td.long:first-child { min-width: 16rem; }
td.long:not(:first-child) { white-space: normal; min-width: 15rem; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
figure { margin: 1rem 0; overflow-x: auto; }
figure svg, figure img { max-width: 100%; height: auto; display: block; }
@media (max-width: 40rem) {
  td:not(:first-child) { white-space: normal; }
  figure svg, figure img { max-width: none; min-width: 30rem; width: 30rem; }
}
figure img { border-radius: 4px; background: #ffffff; }
figcaption { color: var(--quiet); font-size: .875rem; max-width: 46rem; }
pre { background: var(--wash); padding: .75rem; border-radius: 4px; overflow-x: auto; font-size: .8125rem; }
"""
