"""Best, average and worst case of every attack as a table."""

from collections.abc import Sequence
from statistics import fmean

from featsplit.report.cells import Cells
from featsplit.studies.carlini2017.cases.claims import CASES, line
from featsplit.studies.carlini2017.cells import distance_cell
from featsplit.studies.carlini2017.rows import CarliniRow
from featsplit.studies.carlini2017.searching import ATTACKS

ORDER = ("l0", "l0-pixels", "l2", "linf")


def cases_table(rows: Sequence[CarliniRow], network: str, *, reach: bool = True) -> Cells:
    """Tables IV and VI: mean distance, how far its interval reaches, and the share where not all were reached."""
    table = [["attack, norm", *CASES, "calls"]]
    for norm in ORDER:
        for attack in ATTACKS:
            cells = [line(rows, attack, case, network) for case in CASES]
            if attack.norm == norm and cells[0]:
                calls = f"{fmean(row['calls'] for row in cells[0]):.0f}"
                name = f"{attack.title}, {norm}"
                table.append([name, *(distance_cell(cell, reach=reach) for cell in cells), calls])
    return table
