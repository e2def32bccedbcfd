"""What the pages of all studies share: the verdicts, how to make the run again, and runs side by side."""

import json
from collections.abc import Sequence
from typing import Any

from featsplit.engine.results import Results
from featsplit.engine.settings import flat
from featsplit.report.blocks import Block, Brief, Code, Heading, Table, Text
from featsplit.report.cells import Cells
from featsplit.report.decisions import Claim
from featsplit.report.page import write_page
from featsplit.report.verdicts import VERDICTS, claims_table, counted, verdicts_as_text


def verdicts(claims: Sequence[Claim]) -> list[Block]:
    """How many statements hold, and each with its verdict; for a terminal in paragraphs."""
    brief = [Brief(text) for text in verdicts_as_text(claims)]
    return [*brief, Text(f"{counted(claims)} {VERDICTS}"), Table(claims_table(claims), sortable=False)]


def again(results: Results[Any]) -> list[Block]:
    """Everything that is needed to make the run again, and how long it took."""
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    digest = f" Digest of the data: {results.data.digest}." if results.data else ""
    blocks: list[Block] = [
        Heading("To make it again"),
        Code(results.again),
        Text("settings.toml, beside this page, has every setting. It was made by"),
        Code(results.command),
        Text(
            f"{results.date}; {versions}.{digest} Every number above is in rows.json, or in the summaries that the "
            "files in sets/ carry (featsplit info FILE)."
        ),
        Heading("Settings", 3),
        Code(json.dumps(results.settings.plain(), indent=1)),
    ]
    times = results.times()
    return [*blocks, Heading("Times", 3), Table(times)] if len(times) > 1 else blocks


def write_report(results: Results[Any], blocks: Sequence[Block]) -> None:
    """Write report.html and report.md beside the rows of the run."""
    write_page(blocks, results.path)


def comparison(runs: Sequence[tuple[Results[Any], Sequence[Block]]]) -> list[Block]:
    """Runs, each with its page, side by side by the main table of that; then where their settings differ.

    A line for each line and column of that table, a column for each run.
    """
    paths = [str(results.path) for results, _ in runs]
    lines: dict[tuple[str, str], list[str]] = {}
    for place, (_, blocks) in enumerate(runs):
        head, *table = next(block.cells for block in blocks if isinstance(block, Table) and block.main)
        for name, *line in table:
            for column, cell in zip(head[1:], line, strict=True):
                lines.setdefault((name, column), [""] * len(runs))[place] = cell
    beside: Cells = [["trained on", "attack", *paths], *([*key, *line] for key, line in lines.items() if any(line))]
    settings = [flat(results.settings.plain()) for results, _ in runs]
    keys = list(dict.fromkeys(key for one in settings for key in one))
    apart = [key for key in keys if len({json.dumps(one.get(key)) for one in settings}) > 1]
    other: Cells = [["setting", *paths], *([key, *(json.dumps(one.get(key)) for one in settings)] for key in apart)]
    differ: list[Block] = [Heading("Where their settings differ"), Table(other)] if apart else []
    return [Heading("Runs side by side", 1), Table(beside), *differ]
