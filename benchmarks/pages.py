"""A benchmark's result as JSON and as a Markdown page."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.machine import machine, told
from featsplit.report.cells import Cells, as_markdown


class Claim(NamedTuple):
    """What was to be shown: the figure measured, and the least (or with `most`, the greatest) that holds."""

    what: str
    measured: float
    bound: float
    most: bool = False

    @property
    def holds(self) -> bool:
        """Whether it was shown."""
        return self.measured <= self.bound if self.most else self.measured >= self.bound


def write(
    results: Path,
    name: str,
    title: str,
    text: str,
    tables: list[Cells],
    claims: list[Claim],
    figures: dict[str, Any],
    *,
    rows: list[dict[str, Any]] | None = None,
) -> bool:
    """Write results/NAME.json, with the `rows`, and NAME.md; print the page; whether every claim holds."""
    seen, command = machine(), f"python -m benchmarks {name}"
    content: dict[str, Any] = {"command": command, "machine": seen, "figures": figures}
    content["claims"] = [{**claim._asdict(), "holds": claim.holds} for claim in claims]
    (results / f"{name}.json").write_text(as_json(content, rows))
    lines = [["claim", "measured", "to be", "holds"]]
    lines += [
        [c.what, f"{c.measured:.3g}", f"at {'most' if c.most else 'least'} {c.bound:g}", "yes" if c.holds else "NO"]
        for c in claims
    ]
    page = [f"# {title}", f"`{command}`. {text}", f"Machine: {told(seen)}.", *map(as_markdown, tables)]
    page += [as_markdown(lines)] if claims else []
    (results / f"{name}.md").write_text("\n\n".join(page) + "\n")
    print("\n\n".join(page), flush=True)
    return all(claim.holds for claim in claims)


def as_json(content: dict[str, Any], rows: list[dict[str, Any]] | None) -> str:
    """The content as JSON, and the rows, if any, at its end, one a line."""
    text = json.dumps(content, indent=1)
    if rows is None:
        return text + "\n"
    return text[:-2] + ',\n "rows": [\n  ' + ",\n  ".join(map(json.dumps, rows)) + "\n ]\n}\n"
