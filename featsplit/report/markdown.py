"""A page as Markdown, with its plots as files beside it."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from featsplit.report.blocks import (
    Block,
    Brief,
    Code,
    ExampleSet,
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
from featsplit.report.cells import as_markdown


def as_page(blocks: Sequence[Block], folder: Path) -> str:
    """The blocks as Markdown; plots are written to `folder`/plots."""
    return _joined(blocks, folder) + "\n"


def picture_says(one: ExampleSet) -> str:
    """What the picture of a set shows."""
    return f"{one.label}: examples spread over the set, with their sources"


def _joined(blocks: Sequence[Block], folder: Path) -> str:
    return "\n\n".join(_markdown(block, folder) for block in blocks if not isinstance(block, Brief))


def _markdown(block: Shown, folder: Path) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {text}"
        case Text(text):
            return text
        case Table(cells, _, caption, _):
            return f"{caption}\n\n{as_markdown(cells)}" if caption else as_markdown(cells)
        case Plot(stem, drawing, _):
            path = folder / "plots" / f"{stem}.svg"
            path.parent.mkdir(exist_ok=True)
            path.write_text(drawing().replace("currentColor", "#222222"))
            return f"![{block.alternative}](plots/{stem}.svg)"
        case Picture(path, says):
            return f"![{says}]({path})"
        case Code(text):
            return f"```\n{text}\n```"
        case Links(places):
            return "\n".join(f"- {where}: {_links(links)}" for where, links in places.items())
        case Explorer():
            pictures = [f"### {one.title}\n\n![{picture_says(one)}]({one.picture})" for one in block.sets]
            return "\n\n".join([block.says, *pictures])
        case Folded(title, blocks):
            return f"### {title}\n\n{_joined(blocks, folder)}"


def _links(links: Sequence[Link]) -> str:
    return ", ".join(f"[{name}]({quote(path)})" for name, path in links)
