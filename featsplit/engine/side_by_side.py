"""Runs side by side: their accuracies as bars, what differs with its interval, and where their settings differ."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from featsplit.engine.pages import seeds_of
from featsplit.engine.results import Results
from featsplit.engine.settings import flat
from featsplit.report.blocks import Block, Heading, Table, Text, main_table
from featsplit.report.cells import Cells
from featsplit.report.charts import Chart, Measured, as_bars, measured
from featsplit.report.intervals import difference
from featsplit.report.lines import Line, is_plain, lines_of
from featsplit.rows import Row

BARS = "Accuracy on the test images, {}: bars are means over seeds, lines 95 % intervals, rings the seeds."
APART = (
    "{} less {}: above 0 the former is better. Lines are 95 % intervals, paired image by image where both were tested "
    "on the same images; rings are the seeds that both have."
)
Lines = dict[Line, list[Row]]


class Run(NamedTuple):
    """A run with what it is called beside the others, and its accuracies."""

    name: str
    results: Results[Any]
    lines: Lines


def comparison(runs: Sequence[tuple[Results[Any], Sequence[Block]]]) -> list[Block]:
    """Runs, each with its page, side by side: figures, the main tables of their pages, and the settings that differ.

    What differs is told of each against the first.
    """
    every = [Run(name, results, _lines(results)) for name, (results, _) in zip(_names(runs), runs, strict=True)]
    settings = settings_apart([run.results for run in every])
    differ: list[Block] = [Heading("Where their settings differ"), Table(settings)] if len(settings) > 1 else []
    apart = [(other, differences(every[0], other)) for other in every[1:]]
    return [
        Heading("Runs side by side", 1),
        Text(_did(every, len(settings) - 1)),
        *(Text(in_words(every[0], other, found)) for other, found in apart),
        *bars(every),
        *(_apart(number, every[0], other, found) for number, (other, found) in enumerate(apart, 1) if found),
        Table(main_tables(runs)),
        *differ,
    ]


def differences(first: Run, other: Run) -> dict[Line, Measured]:
    """By how much each accuracy of `other` is above that of the `first`, over the seeds that both have."""
    found: dict[Line, Measured] = {}
    for line, rows in first.lines.items():
        mine = {row["seed"]: row["accuracy"] for row in rows}
        theirs = {row["seed"]: row["accuracy"] for row in other.lines.get(line, ())}
        seeds = [seed for seed in mine if seed in theirs]
        if seeds:
            apart = tuple(theirs[seed] - mine[seed] for seed in seeds)
            found[line] = Measured(difference(other.lines[line], rows), apart)
    return found


def in_words(first: Run, other: Run, found: dict[Line, Measured]) -> str:
    """How many accuracies differ by more than chance, and which most."""
    if not found:
        return f"{other.name} and {first.name} have no accuracies of the same networks, attacks and seeds."
    sure = [line for line, one in found.items() if one.value.low > 0 or one.value.high < 0]
    most = max(found, key=lambda line: abs(found[line].value.value))
    if not found[most].value.value:
        return f"All {len(found)} accuracies that both have are the same in {other.name} and {first.name}."
    return (
        f"Of {len(found)} accuracies that both have, {len(sure)} of {other.name} differ from {first.name} by more than "
        f"their 95 % interval; most does {most.network}, {most.attack}: {found[most].value.signed()}."
    )


def bars(every: Sequence[Run]) -> list[Block]:
    """A figure for each attack that all runs have: the networks, with a bar for each run."""
    attacks = list(dict.fromkeys(line.attack for line in every[0].lines))
    common = [attack for attack in attacks if all(any(line.attack == attack for line in run.lines) for run in every)]
    blocks = list[Block]()
    for number, attack in enumerate(common):
        series = {
            run.name: {line.network: measured(rows) for line, rows in run.lines.items() if line.attack == attack}
            for run in every
        }
        chances = {run.results.chance for run in every}
        chart = Chart(series, "accuracy", attack, chances.pop() if len(chances) == 1 else None, whole=True)
        blocks.append(as_bars(f"beside-{number}", chart, BARS.format(attack), width=9))
    return blocks


def main_tables(runs: Sequence[tuple[Results[Any], Sequence[Block]]]) -> Cells:
    """A line for each line and column of the main tables of the pages, a column for each run."""
    lines: dict[tuple[str, str], list[str]] = {}
    for place, (_, blocks) in enumerate(runs):
        head, *table = main_table(blocks) or [[]]
        for name, *line in table:
            for column, cell in zip(head[1:], line, strict=True):
                lines.setdefault((name, column), [""] * len(runs))[place] = cell
    paths = [str(results.path) for results, _ in runs]
    return [["trained on", "attack", *paths], *([*key, *line] for key, line in lines.items() if any(line))]


def settings_apart(runs: Sequence[Results[Any]]) -> Cells:
    """A line for each setting in which the runs differ."""
    settings = [flat(results.settings.plain()) for results in runs]
    keys = list(dict.fromkeys(key for one in settings for key in one))
    apart = [key for key in keys if len({json.dumps(one.get(key)) for one in settings}) > 1]
    paths = [str(results.path) for results in runs]
    return [["setting", *paths], *([key, *(json.dumps(one.get(key)) for one in settings)] for key in apart)]


def _apart(number: int, first: Run, other: Run, found: dict[Line, Measured]) -> Block:
    """By how much `other` differs, by network and attack."""
    chart = Chart(_series(found), "difference of accuracy")
    return as_bars(f"apart-{number}", chart, APART.format(other.name, first.name), width=9)


def _did(every: Sequence[Run], settings: int) -> str:
    runs = "; ".join(f"{run.name}, {seeds_of(run.results)}" for run in every)
    differ = f"which differ in {settings} setting{'' if settings == 1 else 's'}" if settings else "of the same settings"
    return f"{len(every)} runs, {differ}: {runs}."


def _names(runs: Sequence[tuple[Results[Any], Sequence[Block]]]) -> list[str]:
    """What figures call each run: its folder, or its whole path where two folders are called alike."""
    short = [results.path.absolute().name for results, _ in runs]
    return short if len(set(short)) == len(short) else [str(results.path) for results, _ in runs]


def _lines(results: Results[Any]) -> Lines:
    return {line: rows for line, rows in lines_of(results.rows).items() if is_plain(rows)}


def _series(found: dict[Line, Measured]) -> dict[str, dict[str, Measured]]:
    """By attack, and there by network."""
    series: dict[str, dict[str, Measured]] = {}
    for line, one in found.items():
        series.setdefault(line.attack, {})[line.network] = one
    return series
