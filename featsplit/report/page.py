"""A page as files: report.html, which needs no other, and report.md."""

from collections.abc import Sequence
from pathlib import Path

from featsplit.files import replacing
from featsplit.report.blocks import Block
from featsplit.report.html import as_html
from featsplit.report.markdown import as_page

PAGE = "report.html"


def write_page(blocks: Sequence[Block], folder: Path) -> None:
    """Write `folder`/report.md and `folder`/report.html."""
    for name, text in (("report.md", as_page(blocks, folder)), (PAGE, as_html(blocks, folder))):
        with replacing(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")
