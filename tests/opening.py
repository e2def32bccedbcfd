"""What the page of every study has: three sentences, a figure, images, then statements; what few want is folded."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from featsplit.engine.pages import STATEMENTS
from featsplit.report.blocks import Block, Brief, Code, Explorer, Folded, Heading, Picture, Plot, Table, Text
from featsplit.report.examples import read_examples
from featsplit.studies import open_results, page_of

APART = {"not comparable", "not measured"}


def check_opening(run: Path) -> None:
    """Hold the page of the finished run in the folder `run` to what every page has."""
    results = open_results(run)
    blocks = page_of(results)
    title, did, came_out, sure, *_ = [block for block in blocks if not isinstance(block, Brief)]
    assert isinstance(title, Heading)
    sentences = [block.text for block in (did, came_out, sure) if isinstance(block, Text)]
    assert len(sentences) == 3
    assert f"seed{'s' if len(results.seeds) > 1 else ''} {', '.join(map(str, results.seeds))}." in sentences[0]
    assert re.search(r"\d", sentences[1]), "what came out is a number"
    assert "of 95 %" in sentences[2]
    if results.data:
        assert re.search(r"over \d+ test images|attacked images", sentences[2])
        assert f"chance is {results.chance:.3f}" in sentences[2]
    *table, told = [block.text for block in blocks if isinstance(block, Brief)]
    assert len(table) <= 1
    assert " ".join(told.split()) == " ".join(sentences)
    assert max(map(len, told.splitlines())) <= 80
    _check_order(blocks)
    for block in blocks:
        if isinstance(block, Explorer):
            _check_explorer(block, run)
        elif isinstance(block, Plot | Picture):
            text = block.alternative if isinstance(block, Plot) else block.says
            assert re.search(r"\d", text), text


def _check_explorer(explorer: Explorer, run: Path) -> None:
    """What is predicted is predicted by as many networks as have names, and is a class; a control made nothing."""
    for one in explorer.sets:
        predicted = read_examples(run / one.examples).predicted
        assert predicted.shape[1] == len(explorer.networks)
        assert -1 <= predicted.min() <= predicted.max() < len(explorer.classes)
        assert one.control is None or one.control != one.maker
        assert (run / one.picture).is_file()


def _check_order(blocks: Sequence[Block]) -> None:
    first = next(number for number, block in enumerate(blocks) if isinstance(block, Plot | Picture | Explorer))
    assert first < next(number for number, block in enumerate(blocks) if isinstance(block, Table | Code))
    stated = [number for number, block in enumerate(blocks) if block == Heading(STATEMENTS)]
    pictures = [number for number, block in enumerate(blocks) if isinstance(block, Picture | Explorer)]
    assert not stated or all(number < stated[0] for number in pictures), "images come before statements"
    assert not [table for table in _tables(blocks) if {cell for line in table.cells for cell in line} & APART]
    assert isinstance(blocks[-1], Folded)


def _tables(blocks: Sequence[Block]) -> Iterator[Table]:
    """The tables that are not folded."""
    return (block for block in blocks if isinstance(block, Table))
