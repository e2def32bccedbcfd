"""What a terminal of 80 columns shows of a page."""

import textwrap
from collections.abc import Sequence

from featsplit.report.blocks import Block, Brief, Heading, Table, Text
from featsplit.report.cells import as_text


def as_terminal(blocks: Sequence[Block]) -> str:
    """The headings, texts and tables among the blocks, for a terminal."""
    shown = [block for block in blocks if isinstance(block, Heading | Text | Table)]
    return "\n\n".join(
        as_text(block.cells) if isinstance(block, Table) else textwrap.fill(block.text, 80) for block in shown
    )


def in_brief(blocks: Sequence[Block]) -> str:
    """What a terminal shows of the page, by its `Brief` blocks."""
    return "\n\n".join(block.text for block in blocks if isinstance(block, Brief))
