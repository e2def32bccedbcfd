"""A sweep: a run for each value of one setting, and one page of all of them, with curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featsplit.engine.folders import USUAL, Destination, destination, held
from featsplit.engine.results import Results
from featsplit.errors import FeatsplitError
from featsplit.files import json_digest
from featsplit.report.blocks import Block, Brief, Code, Heading, Table, Text
from featsplit.report.cells import Cells, as_text, cell, column_name
from featsplit.report.intervals import Interval, accuracy
from featsplit.report.plots import Figured, drawn, plot, reaches
from featsplit.rows import Row
from featsplit.studies import read_settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from featsplit.engine.study import StudySettings

Swept = Mapping[str, Results[Any]]
"""The finished runs by the value of the setting, as it was written."""
COLOURS = ("#4c7fd0", "#d9822b", "#2f9e62", "#cc5450", "#8e6cc0", "#6b7280", "#b08a2e", "#2a8c8c")
MANY = len(COLOURS)


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
    table = _table(lines, list(runs))
    seeds = len(next(iter(runs.values())).seeds)
    what = f"A whole run for each value of {key}, {seeds} seed{'s' if seeds > 1 else ''} each; with intervals."
    plots: list[Block] = [
        plot(f"sweep-{place}", curves(key, list(runs), own), f"{attack}, by {key}.")
        for place, (attack, own) in enumerate(_by_attack(lines).items())
    ]
    pages = [f"{value}: {results.path / 'report.html'}" for value, results in runs.items()]
    return [
        Heading(f"{key}: {', '.join(runs)}", 1),
        Text(what),
        Brief(as_text(table)),
        *plots,
        Table(table, main=True),
        Heading("To make it again"),
        Code(command),
        Text("Each run has a page of its own:"),
        Code("\n".join(pages)),
    ]


def curves(key: str, values: Sequence[str], lines: "Mapping[str, Mapping[str, Sequence[Row]]]") -> Figured:
    """Accuracies against the `values` of the setting: a curve for each of the `lines`, by its name."""
    numbers = _numbers(values)

    def draw(figure: "Figure") -> None:
        axes: Any = figure.subplots()
        for (name, by_value), colour in zip(lines.items(), COLOURS, strict=False):
            there = [place for place, value in enumerate(values) if by_value.get(value)]
            found = [accuracy(by_value[values[place]]) for place in there]
            across = [numbers[place] for place in there]
            heights = [one.value for one in found]
            axes.errorbar(across, heights, reaches(found), color=colour, marker="o", markersize=4, label=name)
        axes.set_xticks(numbers, values)
        axes.set(xlabel=key, ylabel="accuracy on the test images")
        figure.legend(loc="outside right upper", fontsize=9)

    return drawn(7.5, 3.4, draw)


def _numbers(values: Sequence[str]) -> list[float]:
    """The values as numbers; as places where they are none."""
    try:
        return [float(value) for value in values]
    except ValueError:
        return [float(place) for place in range(len(values))]


def _lines(runs: Swept) -> dict[tuple[str, str], dict[str, list[Row]]]:
    """The rows of each network and attack on the source's test images, by value: those of "main" if there are any."""
    found: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for value, results in runs.items():
        rows = [row for row in results.rows if row.get("test_set") == "source" and not row.get("labels")]
        rows = [row for row in rows if row.get("attack") and "accuracy" in row and "epoch" not in row]
        for row in [row for row in rows if row.get("experiment") == "main"] or rows:
            name, attack = _name(row), column_name(row["attack"], row["norm"], row["eps"])
            of_value = found.setdefault((name, attack), {}).setdefault(value, [])
            if any(other["seed"] == row["seed"] for other in of_value):
                raise FeatsplitError(
                    f"--sweep: this study measures {name}, {attack}, more than once; see its own pages"
                )
            of_value.append(row)
    if not found:
        raise FeatsplitError("--sweep: this study has no accuracies on the test images of one source to draw")
    return found


def _name(row: Row) -> str:
    """What the network of a row learned, how, what for, and which it is."""
    parts = [
        "the source" if row["train_set"] == "source" else Path(row["train_set"]).stem,
        row["training"] if row["train_set"] == "source" else "",
        "" if row.get("experiment") in (None, "main") else row["experiment"],
        row.get("architecture", ""),
    ]
    return ", ".join(part for part in parts if part)


def _by_attack(
    lines: Mapping[tuple[str, str], Mapping[str, Sequence[Row]]],
) -> dict[str, dict[str, Mapping[str, Sequence[Row]]]]:
    found: dict[str, dict[str, Mapping[str, Sequence[Row]]]] = {}
    for (name, attack), by_value in lines.items():
        own = found.setdefault(attack, {})
        if len(own) < MANY:
            own[name] = by_value
    return found


def _table(lines: Mapping[tuple[str, str], Mapping[str, Sequence[Row]]], values: Sequence[str]) -> Cells:
    shown = [
        [*name, *(cell(by_value.get(value, ()), Interval.short) for value in values)]
        for name, by_value in lines.items()
    ]
    return [["learned of", "attack", *values], *shown]
