"""A sweep: a run for each value of one setting, and one page of all of them, with curves."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featsplit.engine.folders import USUAL, Destination, destination, held
from featsplit.engine.results import Results
from featsplit.errors import FeatsplitError
from featsplit.files import json_digest
from featsplit.report.blocks import Block, Brief, Code, Heading, Link, Links, Table, Text
from featsplit.report.cells import Cells, as_text, cell
from featsplit.report.charts import Chart, Measured, as_lines, measured
from featsplit.report.intervals import Interval, accuracy, difference
from featsplit.report.lines import Line, is_plain, lines_of
from featsplit.report.plots import LINES
from featsplit.rows import Row
from featsplit.studies import read_settings

if TYPE_CHECKING:
    from featsplit.engine.study import StudySettings

Swept = Mapping[str, Results[Any]]
"""The finished runs by the value of the setting, as it was written."""
Lines = Mapping[Line, Mapping[str, Sequence[Row]]]
SAYS = "Accuracy, {}, by {}: bands are 95 % intervals, rings the seeds."


def parsed(text: str) -> tuple[str, list[str]]:
    """The setting and its values in "perturb.eps=0.25,0.5"; FeatsplitError where there are not two or more."""
    key, equals, values = text.partition("=")
    found = [value.strip() for value in values.split(",") if value.strip()]
    if "[" in values:
        raise FeatsplitError(f'--sweep "{text}": a setting that is a list cannot be swept; give runs of their own')
    if not equals or not key.strip() or len(set(found)) < 2 or len(set(found)) < len(found):
        raise FeatsplitError(f'--sweep "{text}": write a setting and two values or more, such as perturb.eps=0.25,0.5')
    return key.strip(), found


def places(
    preset: str, overrides: Sequence[str], key: str, values: Sequence[str], seeds: Sequence[int], out: Path | None
) -> dict[str, "tuple[StudySettings, Destination]"]:
    """The settings and the folder of the run of each value, inside of `out` (None: datasets_out/PRESET-sweep-KEY).

    Each takes up what it shares with the one before. FeatsplitError where a value does not fit.
    """
    found: dict[str, tuple[StudySettings, Destination]] = {}
    before: Path | None = None
    for value in values:
        settings = read_settings(preset, [*overrides, f"{key}={value}"])
        more = f"-{json_digest(sorted(overrides))[:8]}" if overrides else ""
        whole = out or USUAL / f"{settings.name}-sweep-{key}{more}"
        folder = whole / f"{key}={value.replace('/', '-')}"
        there = held(folder, settings)
        lines = destination(settings, seeds, folder).lines
        found[value] = settings, Destination(folder, there, before, lines)
        before = folder
    return found


def page(key: str, runs: Swept, command: str) -> list[Block]:
    """The page of a sweep of the setting `key`: accuracies against its values, as curves and as a table."""
    lines = _lines(runs)
    table, charts = _table(lines, list(runs)), _charts(key, runs, lines)
    sentences = _sentences(key, runs, lines)
    pages = {value: [Link(f"{value}", f"{results.path.name}/report.html")] for value, results in runs.items()}
    return [
        Heading(f"{key}: {', '.join(runs)}", 1),
        *map(Text, sentences),
        Brief(as_text(table)),
        Brief("\n".join(textwrap.fill(sentence, 80) for sentence in sentences)),
        *charts,
        Heading("Every accuracy"),
        Table(table, main=True),
        Heading("To make it again"),
        Code(command),
        Text("Each run has a page of its own:"),
        Links(pages),
    ]


def _sentences(key: str, runs: Swept, lines: Lines) -> list[str]:
    """What was done, what came out, and how sure it is."""
    first = next(iter(runs.values()))
    seeds, values = len(first.seeds), list(runs)
    images = f"{first.data.test} test images" if first.data else "the test images"
    return [
        f"A whole run of {first.settings.name} was made for each value of {key}: {', '.join(values)}.",
        _widest(lines, values),
        f"Intervals, in brackets, are of 95 % over {images} and {seeds} seed{'s' if seeds > 1 else ''}; chance is "
        f"{first.chance:.3f}.",
    ]


def _widest(lines: Lines, values: Sequence[str]) -> str:
    """Which accuracy moves most, between which values, and by how much."""
    spans = {line: _ends(by, [value for value in values if by.get(value)]) for line, by in lines.items()}
    apart = {line: difference(lines[line][most], lines[line][least]) for line, (least, most) in spans.items()}
    widest = max(apart, key=lambda line: apart[line].value)
    said = ", ".join(f"{accuracy(lines[widest][value])} at {value}" for value in spans[widest])
    return (
        f"The accuracy that it moves most is that of {widest.network}, {widest.attack}: {said}; the difference is "
        f"{apart[widest].signed()}."
    )


def _ends(by_value: Mapping[str, Sequence[Row]], values: Sequence[str]) -> tuple[str, str]:
    """At which of the `values` the accuracy is least, and at which it is most."""
    accuracies = {value: accuracy(by_value[value]).value for value in values}
    return min(accuracies, key=accuracies.__getitem__), max(accuracies, key=accuracies.__getitem__)


def _charts(key: str, runs: Swept, lines: Lines) -> list[Block]:
    """A plot for each attack, a curve for each network: up to as many as there are colours."""
    found: dict[str, dict[str, dict[str, Measured]]] = {}
    for line, by_value in lines.items():
        own = found.setdefault(line.attack, {})
        if len(own) < len(LINES):
            own[line.network] = {value: measured(by_value[value]) for value in runs if by_value.get(value)}
    chance = {results.chance for results in runs.values()}
    bound = chance.pop() if len(chance) == 1 else None
    numbers = _numbers(list(runs))
    return [
        as_lines(
            f"sweep-{place}",
            Chart(own, f"accuracy, {attack}", key, bound, whole=True),
            SAYS.format(attack, key),
            at=[numbers[value] for value in Chart(own, "").places],
        )
        for place, (attack, own) in enumerate(found.items())
    ]


def _numbers(values: Sequence[str]) -> dict[str, float]:
    """The values as numbers; as places where they are none."""
    try:
        return {value: float(value) for value in values}
    except ValueError:
        return {value: float(place) for place, value in enumerate(values)}


def _lines(runs: Swept) -> Lines:
    """The rows of each network and attack on the source's test images, by value."""
    found: dict[Line, dict[str, list[Row]]] = {}
    for value, results in runs.items():
        for line, rows in lines_of(results.rows).items():
            if not is_plain(rows):
                raise FeatsplitError(
                    f"--sweep: this study measures {line.network}, {line.attack}, more than once; see its own pages"
                )
            found.setdefault(line, {})[value] = rows
    if not found:
        raise FeatsplitError("--sweep: this study has no accuracies on the test images of one source to draw")
    return found


def _table(lines: Lines, values: Sequence[str]) -> Cells:
    shown = [
        [*line, *(cell(by_value.get(value, ()), Interval.short) for value in values)]
        for line, by_value in lines.items()
    ]
    return [["learned of", "attack", *values], *shown]
