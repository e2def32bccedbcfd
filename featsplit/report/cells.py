"""Tables as texts in cells, the first line the head: how a number is written there, and how a table is rendered."""

import csv
import statistics
from collections.abc import Callable, Sequence
from io import StringIO

from featsplit.report.intervals import Interval, accuracy
from featsplit.rows import Row

Cells = list[list[str]]
Show = Callable[[Interval], str]
"""How an accuracy is written in a cell: `str`, with its interval, or `Interval.short`."""


def cell(rows: Sequence[Row], show: Show = str) -> str:
    """The accuracy that `rows`, one a seed, measured; empty where there are none."""
    return show(accuracy(rows)) if rows else ""


def spread(values: Sequence[float], *, digits: int = 3) -> str:
    """Mean, and with two values or more the standard deviation, as "0.612 ± 0.013"; empty where there are none."""
    if not values:
        return ""
    middle = f"{statistics.fmean(values):.{digits}f}"
    return middle if len(values) < 2 else f"{middle} ± {statistics.stdev(values):.{digits}f}"


def count(rows: Sequence[Row]) -> str:
    """Of how many images the rows are: one number, or the least and the largest."""
    counts = sorted({row["n"] for row in rows}) or [0]
    return f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def column_name(attack: str, norm: str | None, eps: float | None) -> str:
    """What a column of accuracies is of."""
    return "clean" if attack == "none" else f"{attack} {norm} {eps:g}"


def as_text(table: Cells) -> str:
    """Aligned columns, the first to the left and the others to the right."""
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    lines = [
        "  ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        )
        for line in table
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *(line.rstrip() for line in lines[1:])])


def as_markdown(table: Cells) -> str:
    """The same as a Markdown table; what a cell has of bars and line breaks does not end it."""
    rule = ["---", *(["---:"] * (len(table[0]) - 1))]
    return "\n".join("| " + " | ".join(map(_as_markdown, line)) + " |" for line in [table[0], rule, *table[1:]])


def _as_markdown(cell: str) -> str:
    return " ".join(cell.splitlines()).replace("|", "\\|")


def as_csv(table: Cells) -> str:
    """The same as lines of values with commas (RFC 4180), without a line break at the end."""
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    return text.getvalue().rstrip("\n")


def as_latex(table: Cells) -> str:
    """The same as a tabular of LaTeX, with the rules of the package booktabs."""
    head, *lines = ([_of_latex(cell) for cell in line] for line in table)
    rows = "\n".join(f"{' & '.join(line)} \\\\" for line in lines)
    columns = "l" + "r" * (len(head) - 1)
    return (
        f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{' & '.join(head)} \\\\\n\\midrule\n{rows}\n"
        "\\bottomrule\n\\end{tabular}"
    )


LATEX = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"±": r"$\pm$", "<": r"$<$", ">": r"$>$"},
}
"""What letters are called where LaTeX takes them for something else."""


def _of_latex(cell: str) -> str:
    return "".join(LATEX.get(letter, letter) for letter in cell)
