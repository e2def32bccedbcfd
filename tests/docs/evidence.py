"""Where a measured number of a page is found again: in a line, or a column of a table, of the results that it names."""

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.docs.commands import ROOT
from tests.docs.numbers import NUMBER

RESULTS = ROOT / "benchmarks" / "results"
SECONDS = {"s": 1.0, "seconds": 1.0, "minute": 60.0, "minutes": 60.0, "hours": 3600.0}
SCALES = {"%": 0.01, "ms": 1000.0}
"""What one of a unit of a page may be in the results: a share, microseconds."""
PROOF = 6
"""As many digits together are hardly found by chance."""
UNIT = re.compile(rf"(?:(?: to| and|,) {NUMBER})? ?(%|\w+)")
SPREAD = re.compile(rf"({NUMBER}) ?(?:± ?({NUMBER})|\(({NUMBER}) to ({NUMBER})\))")


class Value(NamedTuple):
    """A number of the results; of a time, in seconds."""

    value: float
    is_time: bool = False


class Shown(NamedTuple):
    """A number as a page shows it: its value, by how much it may be off for being rounded, and its unit."""

    value: float
    half: float
    unit: str = ""
    digits: int = 0

    def fits(self, found: Value) -> bool:
        """Whether it is this value of the results, rounded."""
        if self.unit in SECONDS:
            return found.is_time and self._is(found.value, SECONDS[self.unit])
        return any(self._is(found.value, scale) for scale in {1.0, SCALES.get(self.unit, 1.0)})

    def _is(self, value: float, scale: float) -> bool:
        return abs(value - self.value * scale) <= self.half * scale * 1.0001


def shown(text: str, after: str = "") -> Shown:
    """What the text of a number says, with what stands `after` it: .50 is anything from .495 to .505."""
    if ":" in text:
        minutes, seconds = text.split(":")
        return Shown(60.0 * int(minutes) + int(seconds), 0.0, digits=len(text) - 1)
    digits = re.sub(r"[+,]", "", text)
    places = len(digits.partition(".")[2])
    unit = UNIT.match(after)
    return Shown(
        float(digits),
        0.0 if "e" in digits else 0.5 * 10**-places,
        unit[1] if unit else "",
        len(re.sub(r"\D", "", digits)),
    )


def scope(text: str) -> list[Path]:
    """The results that a piece of a page names, by a link or by the command that gave them."""
    names = [*re.findall(r"benchmarks/results/([\w/-]+)\.\w+\)", text), *re.findall(r"featsplit run ([\w-]+)", text)]
    names += re.findall(r"python -m benchmarks ([\w-]+)", text)
    names += [name.replace("distill-", "discussion-") for name in names]
    return [path for name in dict.fromkeys(names) if (path := RESULTS / f"{name}.md").exists()]


@cache
def lines_of(path: Path) -> list[list[Value]]:
    """The numbers of each line of a file, of each column of each of its tables, and all times that belong to it."""
    text = path.read_text()
    found = [values_of(line) for line in text.splitlines()]
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        cells = [line.strip("|\n").split("|") for line in table.splitlines()]
        found += [values_of(" | ".join(column)) for column in zip(*cells, strict=False)]
    return [line for line in [*found, list(_times(path))] if line]


def values_of(text: str) -> list[Value]:
    """The numbers of a text, in their order."""
    return [
        Value(shown(one[0]).value, ":" in one[0] or text.startswith(" s", one.end()))
        for one in re.finditer(NUMBER, text)
    ]


def _times(path: Path) -> Iterator[Value]:
    """The seconds that the file's JSON tells, and those of its preset by several processes."""
    own = path.with_suffix(".json")
    content: dict[str, Any] = json.loads(own.read_text()) if own.exists() else {}
    yield from (Value(value, True) for key, value in content.items() if key.startswith("seconds_"))
    by_workers = json.loads((RESULTS / "workers.json").read_text())["seconds"]
    yield from (Value(value, True) for value in by_workers.get(path.stem, {}).values())


def groups_of(text: str, numbers: Sequence[re.Match[str]]) -> list[list[Shown]]:
    """The numbers of a piece, those of a mean and its spread or interval together."""
    inside = {span for match in SPREAD.finditer(text) for span in [match.span()]}
    found = dict[tuple[int, int], list[Shown]]()
    for number in numbers:
        span = next((one for one in inside if one[0] <= number.start() < one[1]), number.span())
        found.setdefault(span, []).append(shown(number[0], text[number.end() :]))
    return list(found.values())


def is_found(groups: Sequence[Sequence[Shown]], files: Sequence[Path]) -> bool:
    """Whether one line, or one column of a table, of one of the files holds them all, in their order.

    The numbers of a group stand side by side there. A time is looked for among times; of others so few digits that any
    page of numbers has them prove nothing.
    """
    numbers = [number for group in groups for number in group]
    is_proof = sum(number.digits for number in numbers) >= PROOF or all(number.unit in SECONDS for number in numbers)
    return is_proof and any(_holds(line, groups) for path in files for line in lines_of(path))


def _holds(line: Sequence[Value], groups: Sequence[Sequence[Shown]]) -> bool:
    at = 0
    for group in groups:
        starts = range(at, len(line) - len(group) + 1)
        fits = (start for start in starts if all(one.fits(line[start + number]) for number, one in enumerate(group)))
        if (start := next(fits, None)) is None:
            return False
        at = start if group[0].unit in SECONDS else start + len(group)  # a time may be said in two units
    return True
