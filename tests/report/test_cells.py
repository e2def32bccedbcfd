"""Numbers as they are written in the cells of a table, and tables as text."""

from collections.abc import Callable

import numpy as np
import pytest

from featsplit.report.cells import Cells, as_markdown, as_text, cell, column_name, count, spread
from featsplit.report.intervals import Interval, accuracy
from tests.rows import row


def test_spread_is_mean_and_sample_deviation() -> None:
    values = [0.5, 0.6, 0.85]
    assert spread(values) == f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"
    assert spread([0.25]) == "0.250"
    assert spread([2.0, 4.0], digits=1) == "3.0 ± 1.4"
    assert spread([]) == ""


def test_a_cell_is_the_interval_of_its_rows_or_empty() -> None:
    rows = [row(0.4, n=360), row(0.6, n=360, seed=1)]
    assert cell(rows) == str(accuracy(rows))
    assert cell(rows, Interval.short) == accuracy(rows).short()
    assert cell([]) == ""


def test_images_are_counted_as_one_number_or_from_the_least_to_the_largest() -> None:
    assert [count([row(0.1, n=n) for n in counts]) for counts in ((), (9, 9), (360, 9, 40))] == ["0", "9", "9 to 360"]


def test_a_column_is_called_by_its_attack() -> None:
    assert (column_name("none", None, None), column_name("pgd", "l2", 0.5)) == ("clean", "pgd l2 0.5")


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (as_text, "name  value\n-----------\na       0.5\nlong     10"),
        (as_markdown, "| name | value |\n| --- | ---: |\n| a | 0.5 |\n| long | 10 |"),
    ],
)
def test_tables_are_aligned(write: Callable[[Cells], str], expected: str) -> None:
    assert write([["name", "value"], ["a", "0.5"], ["long", "10"]]) == expected


def test_a_name_with_bars_or_line_breaks_is_one_cell_of_markdown() -> None:
    assert as_markdown([["a|b", "c\nd"], ["1", "2"]]) == "| a\\|b | c d |\n| --- | ---: |\n| 1 | 2 |"
