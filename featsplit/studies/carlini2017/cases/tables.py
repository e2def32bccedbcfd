"""Best, average and worst case of every attack as a table, as bars, and in a sentence."""

from collections.abc import Sequence
from statistics import fmean

from featsplit.report.blocks import Plot
from featsplit.report.cells import Cells
from featsplit.report.charts import Chart, Measured, as_bars, within
from featsplit.studies.carlini2017.cases.claims import CASES, line
from featsplit.studies.carlini2017.cells import distance_cell
from featsplit.studies.carlini2017.rows import CarliniRow
from featsplit.studies.carlini2017.searching import ATTACKS, CARLINI
from featsplit.studies.carlini2017.statements import Line, mean_distance, success

DISTANCES = (
    "The mean distance in {} of the images that each attack found, towards the nearest class (best), a drawn one "
    "(average) and the furthest (worst): lines are 95 % intervals, rings the seeds."
)
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


def by_case(rows: Sequence[CarliniRow], norm: str) -> Plot:
    """The mean distances of the attacks in `norm` on the standard network, in each case."""
    series = {
        case: {
            attack.title: distance
            for attack in ATTACKS
            if attack.norm == norm and (distance := _distance(line(rows, attack, case))) is not None
        }
        for case in CASES
    }
    return as_bars(f"cases-{norm}", Chart(series, f"mean distance in {norm}"), DISTANCES.format(norm), height=3.2)


def _distance(found: Line) -> Measured | None:
    mean = mean_distance(found) if found else None
    by_seed = [mean_distance([row]) for row in found]
    return None if mean is None else within(Measured(mean, tuple(one.value for one in by_seed if one is not None)), 0.0)


def average_distances(rows: Sequence[CarliniRow]) -> dict[str, str]:
    """By norm the mean distance, in the average case, of the attack that is drawn for it, as a sentence."""
    found = {attack.norm: _distance(line(rows, attack, "average")) for attack in CARLINI}
    return {norm: f"The mean in the average case is {one.value}." for norm, one in found.items() if one is not None}


def in_words(rows: Sequence[CarliniRow]) -> str:
    """What came out in the average case, in a sentence: the nearest attack in each norm."""
    said = []
    for norm in ORDER:
        found = {attack: line(rows, attack, "average") for attack in ATTACKS if attack.norm == norm}
        far = {attack: one.value for attack, own in found.items() if (one := _distance(own)) is not None}
        if far:
            best = min(far, key=lambda attack: (-success(found[attack]).value, far[attack].value))
            share = success(found[best]).value
            said.append(f"{far[best]} in {norm} ({best.title}, which reached {100 * share:.0f} %)")
    return f"Towards a class drawn at random the nearest images are on average at {', '.join(said)}."
