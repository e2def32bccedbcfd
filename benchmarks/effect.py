"""python -m benchmarks.effect: docs/effect.svg, the picture in the README, from the rows of results/digits.json.

It is the figure that opens the page of a run.
"""

import json
from pathlib import Path

from featsplit.rows import Row
from featsplit.studies.ilyas2019.figures import headline

ROOT = Path(__file__).parents[1]
ROWS, PICTURE = ROOT / "benchmarks" / "results" / "digits.json", ROOT / "docs" / "effect.svg"
CHANCE = 37 / 360
"""The share of the most frequent class of the test images."""


def effect(rows: list[Row]) -> str:
    """As SVG on white: what each network gets right, clean and at every eps, each bar with its interval and seeds."""
    white = '<rect width="100%" height="100%" fill="white"/>'
    start, end = headline(rows, CHANCE).drawing().replace("currentColor", "#222222").split(" <defs>", 1)
    return f"{start} {white}\n <defs>{end}"


def main() -> None:
    """Draw it."""
    rows = json.loads(ROWS.read_text())["rows"]
    PICTURE.write_text(effect(rows))


if __name__ == "__main__":
    main()
