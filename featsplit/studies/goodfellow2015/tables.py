"""Tables of the networks: a line each, the errors and how sure the mistakes are, means over seeds."""

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from featsplit.report.cells import Cells
from featsplit.report.intervals import Interval
from featsplit.report.rows import picked
from featsplit.studies.goodfellow2015.rows import FREE_NOISE, NOISE, UNCLIPPED, NetworkRow
from featsplit.studies.goodfellow2015.statements import Rows, error, of


class Column(NamedTuple):
    """A column of errors: its head, and under which attack; `sure` adds how sure the mistakes are."""

    head: str
    attack: str
    sure: bool = True


CLEAN = Column("clean", "none")
AT_EPS = (
    Column("FGSM", UNCLIPPED),
    Column("FGSM in [0, 1]", "fgsm"),
    Column("noise", FREE_NOISE),
    Column("noise in [0, 1]", NOISE),
)


def errors_table(rows: Rows, names: Sequence[str], eps: float, columns: Sequence[Column], *, head: str) -> Cells:
    """The error of each of the networks `names` in each column, with its interval, and in brackets the confidence."""
    table = [[head, *(column.head for column in columns)]]
    for name in names:
        lines = [
            of(rows, name, column.attack, None if column.attack in ("none", "rubbish") else eps) for column in columns
        ]
        table.append([name, *(cell(line, sure=column.sure) for line, column in zip(lines, columns, strict=True))])
    return table


def cell(rows: Rows, *, sure: bool = True, short: bool = True) -> str:
    """The error that `rows` measured, one a seed, and in brackets how sure the mistakes are."""
    if not rows:
        return ""
    found = error(rows)
    text = Interval.short(found) if short else str(found)
    mistakes = [row["confidence"] for row in rows if row.get("confidence") is not None]
    return f"{text} ({fmean(filter(None, mistakes)):.2f})" if sure and mistakes else text


def training_error(rows: Rows, name: str) -> str:
    """The error of the network on its training images."""
    found: list[NetworkRow] = picked(rows, split="train", model=name)
    return cell(found, sure=False)
