"""The numbers of Tables III, IV and VI of Carlini and Wagner 2017, and where they can be compared.

Table III is quoted from memory of the paper, Table IV from a lecture that reprints it, Table VI from secondary sources;
its Linf .002 of CIFAR-10, less than that of the network that was not distilled, is left out as a misprint.
"""

from collections.abc import Iterator, Mapping, Sequence

from featsplit.attacks.carlini_wagner_l2 import BOXES
from featsplit.report.published import Published
from featsplit.studies.carlini2017.networks import Network
from featsplit.studies.carlini2017.rows import CarliniRow
from featsplit.studies.carlini2017.settings import Settings

WIDE = 1.5
"""A distance is that of the paper up to this factor: it is another network, of another training."""
BANDS = (
    "Distances are means over the images that were reached, and pass within a factor of 1.5; shares pass within 5 "
    "points. Tables IV and VI are as two lectures and secondary sources reprint them, Table III is from memory."
)
CASES = ("best", "average", "worst")
Cell = tuple[float, float]
"""A mean distance, and the share that was reached in percent."""

TABLE_4: dict[tuple[str, str], tuple[Cell | None, ...]] = {
    ("carlini-wagner", "l0-pixels"): ((8.5, 100), (16, 100), (33, 100)),
    ("jsma-z", "l0"): ((20, 100), (56, 100), (180, 98)),
    ("jsma-f", "l0"): ((17, 100), (45, 100), (100, 100)),
    ("carlini-wagner", "l2"): ((1.36, 100), (1.76, 100), (2.60, 100)),
    ("deepfool", "l2"): ((2.11, 100), None, None),
    ("carlini-wagner", "linf"): ((0.13, 100), (0.16, 100), (0.23, 100)),
    ("least-fgsm", "linf"): ((0.22, 100), (0.26, 42), None),
    ("least-bim", "linf"): ((0.14, 100), (0.19, 100), (0.26, 100)),
}
"""MNIST, best, average and worst case. FGS reached no image in the worst case."""
TABLE_4_CIFAR: dict[tuple[str, str], tuple[Cell | None, ...]] = {
    ("carlini-wagner", "l0-pixels"): ((5.9, 100), (13, 100), (24, 100)),
    ("jsma-z", "l0"): ((20, 100), (58, 100), (150, 100)),
    ("jsma-f", "l0"): ((25, 100), (110, 100), (240, 100)),
    ("carlini-wagner", "l2"): ((0.17, 100), (0.33, 100), (0.51, 100)),
    ("deepfool", "l2"): ((0.85, 100), None, None),
    ("carlini-wagner", "linf"): ((0.0092, 100), (0.013, 100), (0.019, 100)),
    ("least-fgsm", "linf"): ((0.015, 99), (0.029, 51), (0.34, 1)),
    ("least-bim", "linf"): ((0.0078, 100), (0.014, 100), (0.023, 100)),
}
"""CIFAR-10."""
TABLE_6: dict[tuple[str, str], tuple[Cell | None, ...]] = {
    ("carlini-wagner", "l0-pixels"): ((10, 100), (19, 100), (36, 100)),
    ("carlini-wagner", "l2"): ((1.7, 100), (2.2, 100), (2.9, 100)),
    ("carlini-wagner", "linf"): ((0.14, 100), (0.18, 100), (0.25, 100)),
}
"""MNIST, distilled at 100."""
TABLE_3: dict[str, dict[str, tuple[Cell, Cell, Cell]]] = {
    "f1": {"best": ((2.46, 100), (2.93, 100), (2.31, 100)), "average": ((4.35, 100), (5.21, 100), (4.11, 100)),
           "worst": ((7.76, 100), (9.48, 100), (7.37, 100))},
    "f2": {"best": ((4.55, 80), (3.97, 83), (3.49, 83)), "average": ((3.22, 44), (8.99, 63), (15.06, 74)),
           "worst": ((2.93, 18), (10.22, 40), (18.90, 53))},
    "f3": {"best": ((4.54, 77), (4.07, 81), (3.76, 82)), "average": ((3.47, 44), (9.55, 63), (15.84, 74)),
           "worst": ((3.09, 17), (11.91, 41), (24.01, 59))},
    "f4": {"best": ((5.01, 86), (6.52, 100), (7.53, 100)), "average": ((4.03, 55), (7.49, 71), (7.60, 71)),
           "worst": ((3.55, 24), (4.25, 35), (4.10, 35))},
    "f5": {"best": ((1.97, 100), (2.20, 100), (1.94, 100)), "average": ((3.58, 100), (4.20, 100), (3.47, 100)),
           "worst": ((6.42, 100), (7.86, 100), (6.12, 100))},
    "f6": {"best": ((1.94, 100), (2.18, 100), (1.95, 100)), "average": ((3.47, 100), (4.11, 100), (3.41, 100)),
           "worst": ((6.03, 100), (7.50, 100), (5.89, 100))},
    "f7": {"best": ((1.96, 100), (2.21, 100), (1.94, 100)), "average": ((3.53, 100), (4.14, 100), (3.43, 100)),
           "worst": ((6.20, 100), (7.57, 100), (5.94, 100))},
}  # fmt: skip
"""By objective and case, in the boxes tanh, clipped and projected. It is not said which data they are of."""


def _pair(table: str, what: str, cell: Cell | None, rows: CarliniRow) -> Iterator[Published]:
    """The distance, and the share that was reached."""
    if cell is None:
        return
    distance, share = cell[0], cell[1] / 100
    yield Published(table, what, distance, distance / WIDE, distance * WIDE, rows, distance=True)
    low, high = max(share - 0.05, 0.0), min(share + 0.05, 1.0)
    yield Published(table, f"{what}: reached", share, low, high, rows, rate=True)


def of_cases(table: str, cells: Mapping[tuple[str, str], Sequence[Cell | None]], network: str) -> list[Published]:
    """The numbers of Table IV or VI on a `network`."""
    return [
        number
        for (attack, norm), by_case in cells.items()
        for case, cell in zip(CASES, by_case, strict=True)
        for number in _pair(table, f"{attack} {norm}, {case}", cell, _case_rows(network, attack, norm, case))
    ]


def _case_rows(network: str, attack: str, norm: str, case: str) -> CarliniRow:
    return {"experiment": "cases", "training": network, "attack": attack, "norm": norm, "case": case}


def of_objectives() -> list[Published]:
    """The numbers of Table III."""
    found = list[Published]()
    for objective, by_case in TABLE_3.items():
        for case, cells in by_case.items():
            for box, cell in zip(BOXES, cells, strict=True):
                rows: CarliniRow = {"experiment": "objectives", "objective": objective, "box": box, "case": case}
                found += _pair("III", f"{objective}, {box}, {case}", cell, rows)
    return found


_STANDARD, _DISTILLED = Network().name, Network("distilled", 100.0).name
PUBLISHED = [*of_cases("IV", TABLE_4, _STANDARD), *of_cases("VI", TABLE_6, _DISTILLED), *of_objectives()]
"""Of MNIST."""
PUBLISHED_CIFAR = of_cases("IV", TABLE_4_CIFAR, _STANDARD)
"""Of CIFAR-10."""


def differences(settings: Settings) -> list[str]:
    """In what the run is not of the paper's kind, each in a few words."""
    data, found = settings.data, list[str]()
    side = {"mnist": 28, "cifar10": 32}.get(data.source)
    if side is None:
        found.append(f"other data ({data.source})")
    elif data.resize not in (None, side):
        found.append(f"images of {data.resize} x {data.resize}, whose distances and counts are smaller")
    if data.limit is not None or data.holdout:
        found.append("fewer training images")
    if (settings.search.steps, settings.search.rounds) < (1000, 9):
        found.append(f"{settings.search.rounds} x {settings.search.steps} steps of Adam in place of 9 or 20 x 10,000")
    return found
